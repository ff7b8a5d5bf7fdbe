"""Other encoders of the field: BlueBERT, PubMedBERT, SciBERT, and models made of them for vectors; and other families.

Checked here is nothing but their layout, on networks of the same shape: their weights were not at hand. What each entry
says comes from these pages.

- BlueBERT: the model cards of bionlp/bluebert_* (licence cc0-1.0, lower-cased text, BERT's own vocabulary).
- PubMedBERT, which is called BiomedBERT now: the model cards of microsoft/BiomedNLP-PubMedBERT-* (licence mit).
- SciBERT: the model cards of allenai/scibert_scivocab_* and the README of github.com/allenai/scibert. Neither names a
  licence, so it is unknown here.
- SPECTER: the page of allenai/specter (licence apache-2.0), the README of github.com/allenai/specter (first token, 512
  tokens, title and abstract joined by [SEP]), and its tokenizer_config.json (lower-cased).
- SapBERT: the README of github.com/cambridgeltl/sapbert ([CLS] before the pooler, or the mean of all tokens; "MIT
  licensed"), and the model cards. That of the first model says apache-2.0, that of the second names no licence: the
  README's holds for it. The example cuts names of entities to 25 tokens.
- MedCPT: the README and the LICENSE of github.com/ncbi/MedCPT (first token; queries cut to 64 tokens, pairs of title
  and abstract to 512; public domain as a work of the United States Government).
- S-PubMedBert-MS-MARCO: its model card (mean of all tokens; licence cc-by-nc-2.0, in older versions apache-2.0). Its
  sentence_bert_config.json has its limit of tokens, which was not seen here.
- PubMedBERT Embeddings: the model card of NeuML/pubmedbert-base-embeddings (mean, 512 tokens, licence apache-2.0).
- KRISSBERT: the page of microsoft/BiomedNLP-KRISSBERT-PubMed-UMLS-EL (licence mit, 64 tokens in usage/conf, the tokens
  <ENT> and </ENT> in added_tokens.json). Which vector it takes was not seen here.
- all-mpnet-base-v2, for general text: its model card (mean, texts cut to 384 tokens, licence apache-2.0). Its weights
  alone were at hand, and export is tested on them.
- BioLORD-2023: its model card (made of all-mpnet-base-v2, mean). Its licence was not seen here; what it was trained on,
  SNOMED CT and the UMLS, has licences of its own.
- BioM-ELECTRA: the README of github.com/salrowili/BioM-Transformers. BioELECTRA: the README of
  github.com/kamalkraj/BioELECTRA, and the configs of models made of it. Neither licence was seen here.
- DistilBioBERT and BioDistilBERT: the model cards of nlpie/distil-biobert and nlpie/bio-distilbert-cased (licence mit,
  6 layers, 28,996 WordPieces: BERT's cased ones).
- BioMed-RoBERTa: the model card of allenai/biomed_roberta_base, which names no licence.

The short names are this project's.
"""

from biobert_onnx.catalog.model import UNKNOWN, Model

BASE_PARAMETERS = 109_482_240
LARGE_PARAMETERS = 335_141_888
"""Parameters of BERT-base (12 layers x 768) and BERT-large (24 x 1024), each with its pooler and 30,522 WordPieces."""

SCIBERT_PARAMETERS = 109_918_464
"""Parameters of BERT-base with its pooler and the 31,090 WordPieces of SciBERT's uncased vocabulary."""

MPNET_PARAMETERS = 109_486_464
"""Parameters of MPNet-base with its pooler and 30,527 WordPieces."""

BLUEBERT_PAPER = (
    "Peng et al. 2019, *Transfer Learning in Biomedical Natural Language Processing: An Evaluation of BERT and ELMo on "
    "Ten Benchmarking Datasets*, BioNLP 2019"
)
PUBMEDBERT_PAPER = (
    "Gu et al. 2020, *Domain-Specific Language Model Pretraining for Biomedical Natural Language Processing*, "
    "arXiv 2007.15779"
)
PUBMEDBERT_LARGE_PAPER = (
    "Tinn et al. 2021, *Fine-Tuning Large Neural Language Models for Biomedical Natural Language Processing*, "
    "arXiv 2112.07869"
)
SCIBERT_PAPER = "Beltagy et al. 2019, *SciBERT: A Pretrained Language Model for Scientific Text*, arXiv 1903.10676"
SPECTER_PAPER = (
    "Cohan et al. 2020, *SPECTER: Document-level Representation Learning using Citation-informed Transformers*, "
    "arXiv 2004.07180"
)
SAPBERT_PAPER = "Liu et al. 2021, *Self-Alignment Pretraining for Biomedical Entity Representations*, arXiv 2010.11784"
MEDCPT_PAPER = (
    "Jin et al. 2023, *MedCPT: Contrastive Pre-trained Transformers with large-scale PubMed search logs for zero-shot "
    "biomedical information retrieval*, Bioinformatics 39(11), btad651"
)
MPNET_PAPER = "Song et al. 2020, *MPNet: Masked and Permuted Pre-training for Language Understanding*, arXiv 2004.09297"
BIOLORD_PAPER = (
    "Remy et al. 2023, *BioLORD-2023: Semantic Textual Representations Fusing LLM and Clinical Knowledge Graph "
    "Insights*, arXiv 2311.16075"
)
BIOM_PAPER = (
    "Alrowili and Shanker 2021, *BioM-Transformers: Building Large Biomedical Language Models with BERT, ALBERT and "
    "ELECTRA*, BioNLP 2021"
)
BIOELECTRA_PAPER = (
    "Kanakarajan et al. 2021, *BioELECTRA: Pretrained Biomedical text Encoder using Discriminators*, BioNLP 2021"
)
COMPACT_PAPER = (
    "Rohanian et al. 2023, *On the effectiveness of compact biomedical transformers*, Bioinformatics 39(3), btad103"
)
BIOMED_ROBERTA_PAPER = (
    "Gururangan et al. 2020, *Don't Stop Pretraining: Adapt Language Models to Domains and Tasks*, ACL 2020"
)
KRISSBERT_PAPER = "Zhang et al. 2021, *Knowledge-Rich Self-Supervision for Biomedical Entity Linking*, arXiv 2112.07887"

MODELS = (
    Model(
        short="bluebert-pubmed",
        title="BlueBERT-Base (PubMed)",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        max_length=512,
        licence="cc0-1.0",
        hub=("bionlp/bluebert_pubmed_uncased_L-12_H-768_A-12",),
        papers=(BLUEBERT_PAPER,),
    ),
    Model(
        short="bluebert-pubmed-mimic",
        title="BlueBERT-Base (PubMed + MIMIC-III)",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        max_length=512,
        licence="cc0-1.0",
        hub=("bionlp/bluebert_pubmed_mimic_uncased_L-12_H-768_A-12",),
        papers=(BLUEBERT_PAPER,),
    ),
    Model(
        short="bluebert-large-pubmed",
        title="BlueBERT-Large (PubMed)",
        dim=1024,
        parameters=LARGE_PARAMETERS,
        casing="uncased",
        max_length=512,
        licence="cc0-1.0",
        hub=("bionlp/bluebert_pubmed_uncased_L-24_H-1024_A-16",),
        papers=(BLUEBERT_PAPER,),
    ),
    Model(
        short="bluebert-large-pubmed-mimic",
        title="BlueBERT-Large (PubMed + MIMIC-III)",
        dim=1024,
        parameters=LARGE_PARAMETERS,
        casing="uncased",
        max_length=512,
        licence="cc0-1.0",
        hub=("bionlp/bluebert_pubmed_mimic_uncased_L-24_H-1024_A-16",),
        papers=(BLUEBERT_PAPER,),
    ),
    Model(
        short="pubmedbert",
        title="PubMedBERT (abstracts + full text)",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        max_length=512,
        licence="mit",
        hub=(
            "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
            "microsoft/BiomedNLP-PubMedBERT-base-uncased-abstract-fulltext",
        ),
        papers=(PUBMEDBERT_PAPER,),
    ),
    Model(
        short="pubmedbert-abstract",
        title="PubMedBERT (abstracts)",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        max_length=512,
        licence="mit",
        hub=(
            "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract",
            "microsoft/BiomedNLP-PubMedBERT-base-uncased-abstract",
        ),
        papers=(PUBMEDBERT_PAPER,),
    ),
    Model(
        short="pubmedbert-large",
        title="PubMedBERT-Large (abstracts)",
        dim=1024,
        parameters=None,
        casing="uncased",
        max_length=512,
        licence="mit",
        hub=(
            "microsoft/BiomedNLP-BiomedBERT-large-uncased-abstract",
            "microsoft/BiomedNLP-PubMedBERT-large-uncased-abstract",
        ),
        papers=(PUBMEDBERT_LARGE_PAPER,),
    ),
    Model(
        short="scibert",
        title="SciBERT, uncased",
        dim=768,
        parameters=SCIBERT_PARAMETERS,
        casing="uncased",
        max_length=512,
        licence=UNKNOWN,
        hub=("allenai/scibert_scivocab_uncased",),
        papers=(SCIBERT_PAPER,),
    ),
    Model(
        short="scibert-cased",
        title="SciBERT, cased",
        dim=768,
        parameters=None,
        casing="cased",
        max_length=512,
        licence=UNKNOWN,
        hub=("allenai/scibert_scivocab_cased",),
        papers=(SCIBERT_PAPER,),
    ),
    Model(
        short="krissbert",
        title="KRISSBERT",
        dim=768,
        parameters=None,
        casing="uncased",
        max_length=64,
        licence="mit",
        texts="a mention in its sentence, between <ENT> and </ENT>",
        hub=("microsoft/BiomedNLP-KRISSBERT-PubMed-UMLS-EL",),
        papers=(KRISSBERT_PAPER,),
    ),
    Model(
        short="biom-electra",
        title="BioM-ELECTRA-Base, discriminator",
        dim=768,
        parameters=None,
        casing="uncased",
        max_length=512,
        licence=UNKNOWN,
        hub=("sultan/BioM-ELECTRA-Base-Discriminator",),
        papers=(BIOM_PAPER,),
    ),
    Model(
        short="biom-electra-large",
        title="BioM-ELECTRA-Large, discriminator",
        dim=1024,
        parameters=None,
        casing="uncased",
        max_length=512,
        licence=UNKNOWN,
        hub=("sultan/BioM-ELECTRA-Large-Discriminator",),
        papers=(BIOM_PAPER,),
    ),
    Model(
        short="bioelectra",
        title="BioELECTRA, discriminator (PubMed)",
        dim=768,
        parameters=None,
        casing="uncased",
        max_length=512,
        licence=UNKNOWN,
        hub=("kamalkraj/bioelectra-base-discriminator-pubmed",),
        papers=(BIOELECTRA_PAPER,),
    ),
    Model(
        short="distil-biobert",
        title="DistilBioBERT",
        dim=768,
        parameters=None,
        casing="cased",
        max_length=512,
        licence="mit",
        hub=("nlpie/distil-biobert",),
        papers=(COMPACT_PAPER,),
    ),
    Model(
        short="bio-distilbert",
        title="BioDistilBERT, cased",
        dim=768,
        parameters=None,
        casing="cased",
        max_length=512,
        licence="mit",
        hub=("nlpie/bio-distilbert-cased",),
        papers=(COMPACT_PAPER,),
    ),
    Model(
        short="biomed-roberta",
        title="BioMed-RoBERTa",
        dim=768,
        parameters=None,
        casing="cased",
        max_length=512,
        licence=UNKNOWN,
        hub=("allenai/biomed_roberta_base",),
        papers=(BIOMED_ROBERTA_PAPER,),
    ),
    Model(
        short="specter",
        title="SPECTER",
        dim=768,
        parameters=SCIBERT_PARAMETERS,
        casing="uncased",
        pooling="cls",
        max_length=512,
        licence="apache-2.0",
        texts="title[SEP]abstract, as one text",
        hub=("allenai/specter",),
        papers=(SPECTER_PAPER,),
    ),
    Model(
        short="sapbert",
        title="SapBERT",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        pooling="cls",
        max_length=25,
        licence="apache-2.0",
        texts="names of entities",
        hub=("cambridgeltl/SapBERT-from-PubMedBERT-fulltext",),
        papers=(SAPBERT_PAPER,),
    ),
    Model(
        short="sapbert-mean",
        title="SapBERT, mean of the tokens",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        pooling="mean",
        max_length=25,
        licence="mit",
        texts="names of entities",
        hub=("cambridgeltl/SapBERT-from-PubMedBERT-fulltext-mean-token",),
        papers=(SAPBERT_PAPER,),
    ),
    Model(
        short="medcpt-query",
        title="MedCPT, query encoder",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        pooling="cls",
        max_length=64,
        licence="public-domain",
        texts="queries",
        hub=("ncbi/MedCPT-Query-Encoder",),
        papers=(MEDCPT_PAPER,),
    ),
    Model(
        short="medcpt-article",
        title="MedCPT, article encoder",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        pooling="cls",
        max_length=512,
        licence="public-domain",
        texts="title and abstract, as two segments",
        pairs=True,
        hub=("ncbi/MedCPT-Article-Encoder",),
        papers=(MEDCPT_PAPER,),
    ),
    Model(
        short="s-pubmedbert-ms-marco",
        title="S-PubMedBert-MS-MARCO",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        pooling="mean",
        max_length=None,
        licence="cc-by-nc-2.0",
        hub=("pritamdeka/S-PubMedBert-MS-MARCO",),
        papers=(PUBMEDBERT_PAPER,),
    ),
    Model(
        short="pubmedbert-embeddings",
        title="PubMedBERT Embeddings",
        dim=768,
        parameters=BASE_PARAMETERS,
        casing="uncased",
        pooling="mean",
        max_length=512,
        licence="apache-2.0",
        hub=("NeuML/pubmedbert-base-embeddings",),
        papers=(PUBMEDBERT_PAPER,),
    ),
    Model(
        short="biolord-2023",
        title="BioLORD-2023",
        dim=768,
        parameters=MPNET_PARAMETERS,
        casing="uncased",
        pooling="mean",
        max_length=None,
        licence=UNKNOWN,
        hub=("FremyCompany/BioLORD-2023",),
        papers=(BIOLORD_PAPER, MPNET_PAPER),
    ),
    Model(
        short="all-mpnet-base-v2",
        title="all-mpnet-base-v2 (general text)",
        dim=768,
        parameters=MPNET_PARAMETERS,
        casing="uncased",
        pooling="mean",
        max_length=384,
        licence="apache-2.0",
        hub=("sentence-transformers/all-mpnet-base-v2",),
        papers=(MPNET_PAPER,),
    ),
)
