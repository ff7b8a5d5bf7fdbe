"""Texts of all kinds that the tests encode; written for them."""

TEXTS = (
    "Loss of Il6 in mice (Il6-/-) delayed clearance of Listeria monocytogenes by 3.5 days.",
    "",
    "Sepsis",
    "Patients received 5 mg/kg i.v. every 8 h; trough levels stayed below 2 µg/mL.",
    "TNF-α and NF-κB were up 2-fold, P < 0.001.",
    "Why?",
    "No.",
    "A second biopsy, taken from the margin of the lesion, showed fibrosis and a sparse infiltrate of lymphocytes, "
    "without granulomas, acid-fast bacilli or any sign of malignancy, and so the steroid was tapered over six weeks.",
    "BRCA1 c.68_69delAG carriers",
    "El paciente llegó con fiebre; 患者は発熱した。",
    "Sepsis",
    "  blanks\tand a tab ",
)
