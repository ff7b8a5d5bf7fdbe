"""Sites and plans: the places where activations are multiplied by matrices, and how each of them is multiplied."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from biobert_onnx.kernels.plan import MATRICES, SiteKind, layer_name
from biobert_onnx_export.graph.lookup import FloatTable, Int8Table
from biobert_onnx_export.graph.matmul import FloatMatrix, Int8Matrix, OutlierUnits, Products


@dataclass(frozen=True)
class Site:
    """One place where activations enter matrix products: a kind of site in the layer with this index.

    >>> print(Site(0, SiteKind.ATTENTION_OUTPUT), Site(0, SiteKind.ATTENTION_OUTPUT).matrix_names)
    encoder.layer.0.attention.output ('encoder.layer.0.attention.output.dense',)
    """

    layer: int
    kind: SiteKind

    def __str__(self) -> str:
        """The name of the site in graphs and manifests."""
        return f"{layer_name(self.layer)}.{self.kind}"

    @property
    def matrix_names(self) -> tuple[str, ...]:
        """The checkpoint's names of the matrices that share the site's input."""
        return tuple(f"{layer_name(self.layer)}.{name}" for name in MATRICES[self.kind])


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How word embeddings are looked up, how every site is multiplied, and the outlier units of layers that have some.

    `outliers` are the feed-forward units that stay in float32, by the index of the layer.
    """

    words: FloatTable | Int8Table
    sites: Mapping[Site, Products[FloatMatrix] | Products[Int8Matrix]]
    outliers: Mapping[int, OutlierUnits] = field(default_factory=dict)


def sites(layers: int) -> list[Site]:
    """List every site of a network of `layers` layers, in the order of computation.

    >>> len(sites(12))
    48
    """
    return [Site(layer, kind) for layer in range(layers) for kind in SiteKind]
