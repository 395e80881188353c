"""What each score means, in the words of someone who decides and does not compute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """``question`` is what the score answers; ``explanation`` how it is computed and read."""

    question: str
    explanation: str


_MEANINGS = {
    "column agreement": Meaning(
        "Does each column look right on its own?",
        "For each column, the share of rows in every category is compared between real and synthetic data (numbers "
        "are cut into ranges of about equal size first). 1 means equal shares; 0.98 means that 2 % of the rows would "
        "have to take another value. The score is the mean over columns. The baseline is what unseen real records "
        "reach.",
    ),
    "pair agreement": Meaning(
        "Do two columns at a time go together as they do in reality?",
        "The same comparison over the joint shares of two columns, such as age by diagnosis, for every pair of "
        "columns. It is 1 minus the total variation distance, averaged over pairs; 1 is perfect. The baseline is what "
        "unseen real records reach: two samples of the same reality never agree completely.",
    ),
    "correlation difference": Meaning(
        "Are relations between columns as strong as in reality?",
        "The strength of association of each pair of columns is measured in the real and in the synthetic data; the "
        "score is the mean difference. 0 is perfect. The baseline is the difference to unseen real records.",
    ),
    "missingness difference": Meaning(
        "Are values missing as often as in reality?",
        "The share of missing values of each column, real against synthetic; the score is the mean difference. 0 is "
        "perfect.",
    ),
    "rows per unit agreement": Meaning(
        "Do people have as many records as in reality?",
        "The share of units with one, two, three and more rows, real against synthetic. 1 means equal shares.",
    ),
    "two-sample AUC": Meaning(
        "Can a machine tell synthetic rows from real ones?",
        "A classifier is trained to tell unseen real rows from synthetic rows. 0.5 means that it can only guess; 1 "
        "means that it is always right. It finds faults that no table of shares shows. The columns it relies on most "
        "are listed, as they are where the synthetic data give themselves away.",
    ),
    "every column from the others": Meaning(
        "Whatever someone may want to predict: do the synthetic data teach it?",
        "Each column in turn is predicted from all the others by a model trained on synthetic rows and by one trained "
        "on real rows; both are tested on unseen real rows. The score is the mean loss of AUC. 0 means that nothing "
        "is lost.",
    ),
    "exact copies": Meaning(
        "Are real records repeated word for word?",
        "The share of synthetic rows that equal a training row in every column. Coarse tables repeat themselves by "
        "chance: so the baseline is the share of unseen real rows that equal a training row. Where that is 5 % or more "
        "the gate judges the lower limit, since neither share is known to a tenth of a per cent.",
    ),
    "nearest-neighbour share": Meaning(
        "Do synthetic rows lie suspiciously close to the records that were trained on?",
        "The share of synthetic rows that are nearer to a training row than to an equally large sample of unseen "
        "rows. 0.5 means that training rows are not favoured.",
    ),
    "clearest neighbours share": Meaning(
        "Of the synthetic rows that clearly resemble one real person, is it someone who was trained on?",
        "Among the 5 % of synthetic rows that lie far nearer to one real row than to any other, the share whose "
        "nearest is a training row, not one of an equally large sample of unseen rows. 0.5 means that training rows "
        "are not favoured. A few copies move this share far where they move that of all rows little.",
    ),
    "membership (density)": Meaning(
        "Can an attacker who holds the model tell who was in the training data?",
        "The attacker asks the model how likely it finds a person's records and guesses 'was in it' when that is "
        "high. 0.5 is guessing. The figure at 1 % false alarms tells how many members are exposed by an attacker who "
        "hardly ever errs, and matters more than the average.",
    ),
    "membership (distance)": Meaning(
        "Can an attacker who holds only the published tables tell who was in the training data?",
        "The attacker looks how close the nearest synthetic row comes to a person's records and guesses 'was in it' "
        "when it is close. 0.5 is guessing.",
    ),
}
_BY_START = {
    "singling out": Meaning(
        "Do the synthetic data help to single out one real person among all?",
        "The attacker reads off the synthetic rows combinations of values that seem to be unique and looks for people "
        "whom they fit alone. The same is tried on people who were never trained on: what is found there is luck or "
        "general knowledge. The score is what is found among training units beyond that, as a share of what could "
        "have been found. 0 means no risk; what is proven is the lower limit, and the gate does not judge it.",
    ),
    "linkability": Meaning(
        "Do the synthetic data help to see that two records belong to the same person?",
        "The attacker holds two halves of a person's attributes in two lists and uses the synthetic rows as the "
        "bridge between them. The same is tried on people who were never trained on. The score is what succeeds for "
        "training units beyond that, as a share of what could have succeeded. 0 means no risk; what is proven is the "
        "lower limit, and the gate does not judge it.",
    ),
    "inference": Meaning(
        "Do the synthetic data tell what an attacker did not know about a real person?",
        "The attacker knows all but one attribute of a person and takes the missing one from the synthetic rows that "
        "resemble the person most. Relations that hold for everybody let this succeed for people who were never "
        "trained on, too: so the same is tried on them. The score is what succeeds for training units beyond that, "
        "as a share of what could have succeeded. 0 means no risk; what is proven is the lower limit, and the gate "
        "does not judge it.",
    ),
    "SDMetrics": Meaning(
        "What do the scores say that users of SDV know?",
        "Computed by the package SDMetrics, so that it can be compared with what other tools report. Quality compares "
        "the shapes of columns and the trends of pairs with the real data, 1 is best; diagnostic checks that values, "
        "keys and structure are valid, and should be 1. Neither says anything about privacy.",
    ),
}
_TASK = Meaning(
    "Would a model for this task, trained on synthetic data, work on real people?",
    "One model is trained on synthetic rows, another of the same make on real rows; both are tested on unseen real "
    "rows. The difference is what working with synthetic data costs: of a class in AUC, of next items in hit rate. AUC "
    "is the chance that a case is ranked above a non-case (0.5 is guessing). Calibration compares predicted with "
    "observed frequencies: on the diagonal, 20 % means 20 %. A hit rate is the share of next items that were among "
    "those recommended.",
)
_UNKNOWN = Meaning("", "This score has no explanation of its own yet; its estimate, interval and baseline stand here.")


def meaning_of(score: str) -> Meaning:
    """The meaning of a score by its name, or by how it begins."""
    if score.startswith("task: "):
        return _TASK
    begun = next((meaning for start, meaning in _BY_START.items() if score.startswith(start)), _UNKNOWN)
    return _MEANINGS.get(score, begun)
