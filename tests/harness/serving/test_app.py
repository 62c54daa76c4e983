"""What is asked over HTTP, and what is answered; without a socket."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness.serving.requests
import tasks
from harness.runs.restored import read_run
from pipeline.errors import BadInput
from tests.harness import as_typed, predict, small, small_splits, train_small
from tests.harness.serving import Asked, asking

pytestmark = [pytest.mark.needs("fastapi"), pytest.mark.needs("httpx"), pytest.mark.needs("prometheus_client")]
PATH = "/v1/pos/simple-s0"
STRANGE = ["😀 שלום עולם", "<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "a\x00b", "\u202egnihton", "ş" * 300]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small("pos") as task:
        yield train_small(task, tmp_path_factory.mktemp("runs"), epochs=1)


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Asked]:
    with asking(run) as asked:
        yield asked


def refused(server: Asked, status: int, *given: object, **more: object) -> str:
    """Return the one message of a request that is refused with a status."""
    response = server.ask(f"{PATH}/predict{more.pop('query', '')}", *given, **more)
    assert response.status_code == status, response.text
    content = response.json()
    assert list(content) == ["error"] and "Traceback" not in response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    return content["error"]


def answered(server: Asked, *given: object, path: str = PATH, **more: object) -> list[dict]:
    response = server.ask(f"{path}/predict", *given, **more)
    assert response.status_code == 200, response.text
    return response.json()["predictions"]


def as_json(found: list[dict]) -> list[dict]:
    return json.loads(json.dumps(found))


def test_who_asks_by_another_name_is_refused_whatever_he_asks(server: Asked) -> None:
    for path in (f"{PATH}/predict", "/v1", "/docs", "/metrics", "/health"):
        response = server.ask(
            path, ["bir"] if path.endswith("predict") else None, headers={"host": "evil.example:8000"}
        )
        assert response.status_code == 421
        assert response.json()["error"].startswith(
            "this server is not asked by the name evil.example:8000; --allow-host"
        )


def test_the_answers_are_those_of_predict_in_the_order_of_the_inputs(server: Asked, run: Path) -> None:
    texts = ["bir iki üç dört", "bir", "üç iki", *STRANGE, "iki " * 150]
    expected = as_json(predict(run, [(f"text {number}", text) for number, text in enumerate(texts)]))
    assert answered(server, texts) == expected
    assert answered(server, [text.split() for text in texts[:3]]) == expected[:3]


def test_many_who_ask_at_once_get_their_own_answers(server: Asked) -> None:
    import asyncio

    words = ["bir", "iki", "üç", "dört", "beş"]
    texts = [" ".join(words[(one + other) % 5] for other in range(1 + one % 7)) for one in range(30)]
    expected = [answered(server, [text])[0] for text in texts]

    async def ask() -> list:
        requests = [server.client.post(f"{PATH}/predict", json=[text]) for text in texts]
        return [response.json()["predictions"][0] for response in await asyncio.gather(*requests)]

    assert server.do(ask()) == expected


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (400, b"", "the body is no JSON"),
        (400, b"[", "the body is no JSON"),
        (400, b'["a"', "the body is no JSON"),
        (400, b'["\xff"]', "the body is no JSON"),
        (400, b'["\\ud800"]', "the body is no JSON"),
        (400, b"NaN", "the body is no JSON"),
        (422, b"[" * 100_000, "expected a JSON list of texts, or of lists of tokens"),
        (422, b'"a"', "expected a JSON list of texts"),
        (422, b"{}", "expected a JSON list of texts"),
        (422, b"[1]", "expected a JSON list of texts"),
        (422, b"[null]", "expected a JSON list of texts"),
        (422, b"[" + b"9" * 5000 + b"]", "expected a JSON list of texts"),
        (422, b"[]", "there is no input in it"),
        (422, b'[""]', "input 1: the sentence has no token in it"),
        (422, b'["a", " \\t"]', "input 2: the sentence has no token in it"),
        (422, b'["a", []]', "input 2: the sentence has no token in it"),
        (413, json.dumps(["a"] * 21).encode(), "it has 21 inputs, and at most 20 are allowed"),
        (413, json.dumps(["word " * 100_000]).encode(), "input 1: the text has 500,000 characters, and at most 5,000"),
        (413, json.dumps([["word"] * 2000]).encode(), "input 1: the text has 8,000 characters, and at most 5,000"),
        (413, json.dumps(["a", "a " * 1500]).encode(), "input 2: .* has 1500 tokens, and at most 1000 are allowed"),
        (413, b" " * 1_000_001, "the request is larger than 1,000,000 bytes"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_one_message(
    status: int, content: bytes, message: str, server: Asked
) -> None:
    assert re.match(message, refused(server, status, content))
    assert len(answered(server, ["bir"])) == 1


def test_a_body_of_unknown_size_is_cut_off_at_the_limit(server: Asked) -> None:
    sent = 0

    async def parts() -> object:
        nonlocal sent
        for _ in range(100):
            sent += 100_000
            yield b" " * 100_000

    response = server.do(server.client.post(f"{PATH}/predict", content=parts()))
    assert response.status_code == 413 and sent <= 1_200_000
    assert server.service.held == 0 and server.service.begun == 0


def test_paths_and_methods_and_parameters_that_are_unknown_are_named(server: Asked) -> None:
    unknown = server.ask("/v1/pos/other/predict", ["a"])
    assert unknown.status_code == 404 and f"the runs are asked at {PATH}/predict" in unknown.json()["error"]
    assert refused(server, 405, method="GET").endswith("expected POST; see /docs")
    assert "attention: Input should be a valid boolean" in refused(server, 422, ["a"], query="?attention=maybe")
    assert "has none; train a run with --attention" in refused(server, 422, ["a"], query="?attention=true")
    assert refused(server, 422, ["a"], query="?seed=-1").startswith("seed: ")
    assert "draws nothing by chance" in refused(server, 422, ["a"], query="?seed=1")
    kind = {"Content-Type": "image/png"}
    assert refused(server, 415, b"x", headers=kind).startswith("image/png: expected a JSON list of texts, or an upload")


def upload(*named: tuple[str, bytes]) -> dict:
    return {"files": [("file", (name, content)) for name, content in named]}


def test_text_files_and_tables_are_read_as_by_predict(server: Asked) -> None:
    response = server.ask(f"{PATH}/predict", **upload(("x.txt", "bir\n\niki üç\n".encode())))
    assert [one["input"] for one in response.json()["predictions"]] == [["bir"], None, ["iki", "üç"]]
    assert "x.txt: 1 of 3 lines are empty; so is what is answered to them" in response.json()["notes"]
    lines = [f"{place}\t{word}" + 8 * "\t_" for place, word in ((1, "bir"), (2, "iki"))]
    assert answered(server, **upload(("x.conllu", "\n".join([*lines, "", ""]).encode())))[0]["input"] == ["bir", "iki"]
    two = upload(("a.txt", b"bir\n"), ("b", b"iki\n"))
    assert [one["input"] for one in answered(server, **two)] == [["bir"], ["iki"]]


@pytest.mark.parametrize(
    ("status", "name", "content", "message"),
    [
        (422, "x.txt", b"", "x.txt: the file is empty."),
        (422, "x.txt", b"a\nb\xff\n", "x.txt:2: not UTF-8"),
        (422, "x.txt", b"a\0b", "x.txt: a binary file"),
        (422, "../../etc/passwd", b"", r"\.\./\.\./etc/passwd: the file is empty."),
        (422, "x.json", b"[" * 3000, "(x.json|it nests|it cannot)"),
        (415, "x.csv", b"\x1f\x8b" + b"0" * 20, "x.csv: a compressed file"),
        (415, "x.parquet", b"PAR1", "x.parquet: a compressed file"),
        (413, "x.txt", b"a\n" * 21, "it has 21 inputs, and at most 20 are allowed"),
        (413, "x.txt", b"a" * 5001, "x.txt:1: the text has 5,001 characters"),
    ],
)
def test_files_that_cannot_be_read_are_refused_by_their_names(
    status: int, name: str, content: bytes, message: str, server: Asked
) -> None:
    found = refused(server, status, **upload((name, content)))
    assert re.match(message, found) and "unfinished" not in found and "upload-" not in found


def test_a_form_without_a_file_is_refused(server: Asked) -> None:
    assert "expected uploaded files alone" in refused(server, 422, data={"text": "a"}, files={"file": ("x", b"a")})
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(server, 400, b"nothing of the kind", headers=broken)
    assert refused(server, 422, b"--x--\r\n", headers=broken).startswith("there is no input in it")


def test_a_reader_that_fails_is_no_error_of_the_server_and_is_told_in_its_log(
    server: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(harness.serving.requests.inputs, "read_file", fail)
    assert refused(server, 422, **upload(("x.txt", b"a"))) == "it cannot be read (KeyError)"
    assert "KeyError: 'surprise'" in capsys.readouterr().err


def test_what_the_run_is_can_be_asked_and_no_path_of_this_machine_is_told(server: Asked, run: Path) -> None:
    found = server.ask(PATH).json()
    assert found["task"] == "pos" and found["input"]["kind"] == "tokens" and found["input"]["longest"] == 1000
    assert found["labels"] == read_run(run).output_field.categories
    assert found["options"]["units"] == 8 and 0 <= found["scores"]["accuracy"] <= 1
    assert found["limits"] == {"inputs": 20, "characters": 5000, "bytes": 1_000_000, "waiting": 40}
    assert str(run.parent) not in json.dumps(found)
    assert server.ask("/v1").json() == {"runs": [{"run": "pos/simple-s0", "task": "pos", "path": PATH}]}


def test_the_schema_names_what_is_sent_and_the_page_needs_no_network(server: Asked) -> None:
    schema = server.ask("/openapi.json").json()
    body = schema["paths"][f"{PATH}/predict"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"]["maxItems"] == 20 and "multipart/form-data" in body
    responses = schema["paths"][f"{PATH}/predict"]["post"]["responses"]
    assert {"200", "400", "413", "415", "422", "429", "503"} <= responses.keys()
    page = server.ask("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) >= 3
    for address in addresses:
        assert address.startswith("/") and server.ask(address).status_code == 200, address


def test_health_and_metrics_are_told(server: Asked) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    def count() -> dict:
        families = text_string_to_metric_families(server.ask("/metrics").text)
        return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}

    before = count()
    answered(server, ["bir", "iki"])
    refused(server, 422, [""])
    after, run = count(), ("run", "pos/simple-s0")

    def grown(name: str, *labels: tuple[str, str]) -> float:
        return after[(name, *labels)] - before.get((name, *labels), 0)

    assert grown("unrolled_requests_total", ("code", "200"), run) == 1
    assert grown("unrolled_requests_total", ("code", "422"), run) == 1
    assert grown("unrolled_request_seconds_count", run) == 2
    assert grown("unrolled_examples_total", run) == grown("unrolled_batch_examples_sum", run) == 2
    assert after[("unrolled_queue_examples", run)] == 0 and after[("unrolled_ready",)] == 1
    for path in ("/health", "/health/ready", "/health/live"):
        assert server.ask(path).status_code == 200


def test_before_the_models_are_loaded_and_while_it_stops_nothing_is_answered(run: Path) -> None:
    with asking(run, opened=False) as server:
        assert "are being loaded: 0 of" in refused(server, 503, ["bir"])
        assert [server.ask(f"/health/{one}").status_code for one in ("live", "ready")] == [200, 503]
        server.service.state = "stopping"
        response = server.ask(f"{PATH}/predict", ["bir"])
        assert response.status_code == 503 and response.headers["retry-after"]
        assert response.headers["connection"] == "close" and response.json() == {"error": "the server is stopping"}
        assert [server.ask(f"/health/{one}").status_code for one in ("live", "ready")] == [200, 503]


def test_a_model_that_cannot_be_loaded_is_bad_input(run: Path, tmp_path: Path) -> None:
    import shutil

    damaged = Path(shutil.copytree(run, tmp_path / "damaged"))
    content = (damaged / "best.keras").read_bytes()
    (damaged / "best.keras").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match=r"best.keras: the model cannot be loaded"), asking(damaged):
        pass
    (damaged / "scores.json").write_text("{")
    with pytest.raises(BadInput, match=r"scores.json:1: the file is damaged"), asking(damaged, opened=False):
        pass
    (damaged / "scores.json").unlink()
    (damaged / "best.keras").unlink()
    with pytest.raises(BadInput, match=r"no trained model yet"), asking(damaged):
        pass


def test_two_runs_of_one_name_are_refused_one_given_twice_is_served_once_and_one_in_training_is_told(
    run: Path, tmp_path: Path
) -> None:
    import shutil

    other = Path(shutil.copytree(run, tmp_path / run.name))
    with pytest.raises(BadInput, match=r"both would be asked at /v1/pos/simple-s0"), asking(run, other, opened=False):
        pass
    (tmp_path / "linked").symlink_to(other)
    (other / "scores.json").unlink()
    with asking(run, run, tmp_path / "linked") as server:
        assert [one["run"] for one in server.ask("/v1").json()["runs"]] == ["pos/simple-s0", "pos/linked"]
        assert "pos/linked: its training is not complete; the best model so far answers" in server.said
        assert answered(server, ["bir iki"]) == answered(server, ["bir iki"], path="/v1/pos/linked")
        assert server.ask("/v1/pos/linked").json()["scores"] is None
    with pytest.raises(BadInput, match="has no braces"), asking(other.rename(tmp_path / "a{b}"), opened=False):
        pass


# Every task.


def make_files(texts: list[str]) -> dict:
    return upload(*((Path(text).name, Path(text).read_bytes()) for text in texts))


@pytest.mark.slow
@pytest.mark.parametrize("name", tasks.find())
def test_every_task_is_answered_as_by_predict(name: str, tmp_path: Path) -> None:
    with small(name) as task:
        run = train_small(task, tmp_path, epochs=1)
        path = f"/v1/{name}/{run.name}"
        texts = [as_typed(example.input, tmp_path) for example in small_splits(name)["test"][:5]]
        expected = as_json(predict(run, [("text", text) for text in texts]))
        with asking(run) as server:
            if kind := read_run(run).input_field.file:
                found = answered(server, path=path, **make_files(texts))
                assert [one["input"] for one in found] == [Path(text).name for text in texts]
                response = server.ask(f"{path}/predict", ["/etc/passwd"])
                assert response.status_code == 415 and f"reads {kind}s" in response.json()["error"]
                response = server.ask(f"{path}/predict", **upload(("a.png", b"")))
                assert response.status_code == 422 and "a.png: the file has 0 bytes" in response.json()["error"]
                response = server.ask(f"{path}/predict", **upload(("a.png", b"no such thing")))
                assert response.status_code == 422 and response.json()["error"].startswith("a.png: not a")
            else:
                found = answered(server, texts, path=path)
                assert [one["input"] for one in found] == [one["input"] for one in expected]
            for one, other in zip(found, expected, strict=True):
                assert one.keys() == other.keys()
                for part in one.keys() - {"input"}:
                    number, table = isinstance(one[part], float), isinstance(one[part], dict)
                    if table:
                        other[part] = {name: pytest.approx(numbers, rel=1e-3) for name, numbers in other[part].items()}
                    assert one[part] == (pytest.approx(other[part], rel=1e-3) if number else other[part])


@pytest.mark.slow
def test_samples_are_others_with_another_seed_and_the_same_with_the_same(tmp_path: Path) -> None:
    with small("novel") as task:
        run = train_small(task, tmp_path, epochs=1)
        category = small_splits("novel")["test"][0].input
        with asking(run, temperature=5.0, max_output_length=12) as server:
            given = {"path": f"/v1/novel/{run.name}"}
            one, other = answered(server, [category] * 6, **given), answered(server, [category] * 6, **given)
            assert one == other and len({found["output"] for found in one}) > 1
            assert as_json(predict(run, [("", category)] * 6, temperature=5.0, max_output_length=12)) == one
            response = server.ask(f"/v1/novel/{run.name}/predict?seed=7", [category] * 6)
            assert response.json()["predictions"] != one
            unknown = server.ask(f"/v1/novel/{run.name}/predict", ["nothing such"])
            assert unknown.status_code == 422 and "unknown category 'nothing such'" in unknown.json()["error"]


@pytest.mark.slow
def test_attention_is_returned_where_it_is_asked_for(tmp_path: Path) -> None:
    with small("translation") as task:
        run = train_small(task, tmp_path, epochs=1, attention="luong")
        text = small_splits("translation")["test"][0].input
        with asking(run) as server:
            path = f"/v1/translation/{run.name}/predict"
            assert "attention" not in server.ask(path, [text]).json()["predictions"][0]
            (found,) = server.ask(f"{path}?attention=true", [text]).json()["predictions"]
            (expected,) = predict(run, [("text", text)], attention=True)
            assert len(found["attention"]) == len(expected["attention"])
            for one, other in zip(found["attention"], expected["attention"], strict=True):
                assert one == pytest.approx(other, abs=2e-3) and sum(one) == pytest.approx(1, abs=0.01)
