import pytest

from pipeline.errors import BadInput
from pipeline.fields import Category
from tests.pipeline.fields import fitted


def test_a_category_has_an_id_and_an_unknown_one_is_refused_with_the_closest():
    field = fitted(Category(), ["male", "female", "male"])
    assert field.categories == ["female", "male"] and field.arrays["category"].size == 2
    assert [field.encode(name)["category"].tolist() for name in ("female", "male")] == [0, 1]
    assert field.refuse("male") is None and field.refuse("femal") == "the category is not in the training data"
    with pytest.raises(BadInput, match="unknown category 'femal'. Did you mean 'female'?"):
        field.encode("femal")
    assert field.parse(" male ") == "male"
