import pytest

from run import main


@pytest.mark.needs("optuna")
def test_a_search_that_leaves_nothing_to_choose_by_is_refused(capsys: pytest.CaptureFixture) -> None:
    # Without --search: what the task names is searched.
    assert main(["tune", "sentiment", "--train-on-validation"]) == 2
    assert "--train-on-validation: nothing is left to choose the options by" in capsys.readouterr().err
