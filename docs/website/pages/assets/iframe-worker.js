// The search runs in a Worker, which a browser refuses to a page that was opened as a file. There, the window of a hidden
// frame runs the worker's script, and each side gets copies of the other's messages, as between a page and a worker.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = "<!doctype html>";
      this.started = new Promise((resolve) => {
        this.frame.onload = () => {
          const worker = this.frame.contentWindow;
          worker.postMessage = (data) => this.onmessage?.(message(data));
          const script = worker.document.createElement("script");
          script.src = url;
          script.onload = () => resolve(worker);
          script.onerror = (event) => this.onerror?.(event);
          worker.document.body.append(script);
        };
      });
      document.body.append(this.frame);
    }

    postMessage(data) {
      const sent = message(data);
      this.started.then((worker) => worker.onmessage(sent));
    }

    terminate() {
      this.frame.remove();
    }
  };

  const message = (data) => new MessageEvent("message", { data: structuredClone(data) });
}
