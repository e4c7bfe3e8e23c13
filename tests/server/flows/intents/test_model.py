"""Keeping a model as bytes."""

import io

import numpy as np
import pytest

from server.flows.intents.archive import DamagedModel, pack, unpack
from server.flows.intents.model import IntentModel
from server.flows.intents.train import DUAL_LIMIT, train
from tests.server.flows.intents.examples import SHOP

MESSAGES = ["where is my parcel", "send it back", "open on monday?", "a person please", "weather on mars"]


@pytest.fixture(scope="module")
def blob() -> bytes:
    return train(SHOP).to_bytes()


@pytest.mark.parametrize("copies", [1, DUAL_LIMIT // len(SHOP) + 1])
def test_a_kept_model_answers_as_before(copies: int) -> None:
    model = train([(f"{text} {number}", intent) for number in range(copies) for text, intent in SHOP])
    again = IntentModel.from_bytes(model.to_bytes())
    for message in MESSAGES:
        before, after = model.classify(message), again.classify(message)
        assert (after.intent, after.in_scope) == (before.intent, before.in_scope)
        assert after.confidence == pytest.approx(before.confidence, abs=0.01)
    assert again.report == model.report


def test_nothing_in_the_bytes_needs_pickle(blob: bytes) -> None:
    with np.load(io.BytesIO(blob[blob.index(b"PK\x03\x04") :]), allow_pickle=False) as archive:
        assert {archive[name].dtype.kind for name in archive.files} <= {"f", "i", "u"}


@pytest.mark.parametrize("position", [0, 20, 60, 500, -100, -1])
def test_one_changed_byte_is_noticed(blob: bytes, position: int) -> None:
    damaged = bytearray(blob)
    damaged[position] ^= 1
    with pytest.raises(DamagedModel, match="Train it again"):
        IntentModel.from_bytes(bytes(damaged))


@pytest.mark.parametrize("damaged", [b"", b"\x80\x04\x95", b"PK\x03\x04"])
def test_other_bytes_are_refused(damaged: bytes) -> None:
    with pytest.raises(DamagedModel):
        IntentModel.from_bytes(damaged)


def test_a_cut_off_model_is_refused(blob: bytes) -> None:
    with pytest.raises(DamagedModel):
        IntentModel.from_bytes(blob[:-10])


@pytest.mark.parametrize("name", ["weights", "bias", "word_idf", "centres_indptr", "known_intents", "support_indices"])
def test_parts_of_another_shape_are_refused(blob: bytes, name: str) -> None:
    arrays, meta = unpack(blob)
    with pytest.raises(DamagedModel, match="misshapen"):
        IntentModel.from_bytes(pack(arrays | {name: arrays[name][:-1]}, meta))


def test_a_missing_part_is_refused(blob: bytes) -> None:
    arrays, meta = unpack(blob)
    del arrays["centres_data"]
    with pytest.raises(DamagedModel, match="missing"):
        IntentModel.from_bytes(pack(arrays, meta))


def test_indices_that_point_outside_are_refused(blob: bytes) -> None:
    arrays, meta = unpack(blob)
    with pytest.raises(DamagedModel):
        IntentModel.from_bytes(pack(arrays | {"centres_indices": arrays["centres_indices"] + 1000}, meta))


def test_a_model_of_another_version_is_refused(blob: bytes) -> None:
    arrays, meta = unpack(blob)
    with pytest.raises(DamagedModel, match="format 99"):
        IntentModel.from_bytes(pack(arrays, meta | {"format": 99}))
    with pytest.raises(DamagedModel, match="scikit-learn 0"):
        IntentModel.from_bytes(pack(arrays, meta | {"library": "scikit-learn 0"}))
