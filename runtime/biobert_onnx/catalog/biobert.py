"""BioBERT and ClinicalBERT: the checkpoints that Spark NLP offers, with the numbers printed of their vectors.

Names and numbers are those of John Snow Labs' model pages (Spark NLP, 2020). Licences: BioBERT's is Apache-2.0 by the
LICENSE of github.com/dmis-lab/biobert, which its author says covers the weights (naver/biobert-pretrained, issue 20);
ClinicalBERT's is MIT by the LICENSE of github.com/EmilyAlsentzer/clinicalBERT. None of them was trained to give
vectors, and their casing is that of their names; all have 512 positions.
"""

from biobert_onnx.catalog.model import Model

BASE_PARAMETERS = 108_310_272
"""Parameters of BERT-base (12 layers x 768) with its pooler and 28,996 WordPieces. The large
model's are not known here: its vocabulary is another."""

BIOBERT_PAPER = (
    "Lee et al. 2019, *BioBERT: a pre-trained biomedical language representation model for biomedical text mining*, "
    "arXiv 1901.08746"
)
CLINICAL_PAPER = "Alsentzer et al. 2019, *Publicly Available Clinical BERT Embeddings*, arXiv 1904.03323"
"""Its models start from BioBERT v1.0, so both papers are cited for them."""

MODELS = (
    Model(
        spark_nlp="sent_biobert_pubmed_base_cased",
        nlu=("en.embed_sentence.biobert",),
        short="biobert-v1.1",
        title="BioBERT-Base v1.1 (+ PubMed 1M)",  # inferred: the page does not say whether it is v1.0 + PubMed 200K
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="cased",
        max_length=512,
        licence="apache-2.0",
        hub=("dmis-lab/biobert-v1.1", "dmis-lab/biobert-base-cased-v1.1"),
        archive="biobert_v1.1_pubmed",
        sentences=(
            "0.209750697016716, 0.21535921096801758, -0.59...",
            "0.01466107927262783, -0.20778851211071014, -0...",
        ),
        words=(
            "0.4227580428123474, -0.01985771767795086",
            "0.04862901195883751, 0.2535072863101959, -0.5...",
            "0.05491625890135765, 0.09395376592874527",
        ),
        papers=(BIOBERT_PAPER,),
    ),
    Model(
        spark_nlp="sent_biobert_pmc_base_cased",
        short="biobert-v1.0-pmc",
        title="BioBERT-Base v1.0 (+ PMC 270K)",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="cased",
        max_length=512,
        licence="apache-2.0",
        archive="biobert_v1.0_pmc",
        sentences=(
            "0.34035101532936096, 0.04413360357284546, -0...",
            "0.4397204518318176, 0.066007100045681, -0.114...",
        ),
        papers=(BIOBERT_PAPER,),
    ),
    Model(
        spark_nlp="sent_biobert_pubmed_pmc_base_cased",
        short="biobert-v1.0-pubmed-pmc",
        title="BioBERT-Base v1.0 (+ PubMed 200K + PMC 270K)",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="cased",
        max_length=512,
        licence="apache-2.0",
        hub=("monologg/biobert_v1.0_pubmed_pmc",),
        archive="biobert_v1.0_pubmed_pmc",
        sentences=(
            "0.2354733943939209, 0.30127033591270447, -0.1...",
            "0.2837969958782196, 0.03842488303780556, 0.04...",
        ),
        words=(
            "-0.012962102890014648, 0.27699071168899536",
            "0.1688309609889984, 0.5337603688240051, 0.148...",
            "0.1850549429655075, 0.05875205248594284, -0.5...",
        ),
        papers=(BIOBERT_PAPER,),
    ),
    Model(
        spark_nlp="sent_biobert_pubmed_large_cased",
        short="biobert-large-v1.1",
        title="BioBERT-Large v1.1 (+ PubMed 1M)",
        dim=1024,
        parameters=None,
        casing="cased",
        max_length=512,
        licence="apache-2.0",
        hub=("dmis-lab/biobert-large-cased-v1.1",),
        sentences=(
            "-0.50444495677948, 0.15660151839256287, -0.03...",
            "0.3133466839790344, 0.1945181041954, 0.014...",
        ),
        papers=(BIOBERT_PAPER,),
    ),
    Model(
        spark_nlp="sent_biobert_clinical_base_cased",
        short="bio-clinicalbert",
        title="Bio+ClinicalBERT",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="cased",
        max_length=512,
        licence="mit",
        hub=("emilyalsentzer/Bio_ClinicalBERT",),
        words=(
            "0.2206662893295288, 0.41324421763420105, -0.3...",
            "-0.19311018288135529, 0.6037888526916504",
            "0.2895708680152893, 0.22499887624...",
        ),
        papers=(CLINICAL_PAPER, BIOBERT_PAPER),
    ),
    Model(
        spark_nlp="sent_biobert_discharge_base_cased",
        short="bio-discharge-summary-bert",
        title="Bio+Discharge Summary BERT",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="cased",
        max_length=512,
        licence="mit",
        hub=("emilyalsentzer/Bio_Discharge_Summary_BERT",),
        sentences=(
            "0.3155321180820465, 0.37484583258628845, -0.4...",
            "0.3543206453323364, 0.0787968561053276, -0.08...",
        ),
        words=(
            "0.0036486536264419556, 0.3796533942222595",
            "0.1914958357810974, 0.6709488034248352, -0.49...",
            "0.04618441313505173, -0.04562612622976303",
        ),
        papers=(CLINICAL_PAPER, BIOBERT_PAPER),
    ),
)
