"""App: the paths of a server, with FastAPI."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from harness import runs
from harness.serving.gate import Gate
from harness.serving.hosts import Hosts
from harness.serving.refusal import Refusal
from harness.serving.requests import Asked, Upload, check_count, choose_path, read_json, read_uploads
from harness.serving.served_run import POSITIONS, ServedRun
from harness.serving.service import Service
from pipeline import files
from pipeline.option import Value

# A body of more bytes is read by another thread, so that short requests need not wait for it.
LONG = 16_384
# What nginx calls it where the one who asked has gone.
GONE = 499
FORM = "multipart/form-data"
MEANINGS = {
    400: "The body is no JSON.",
    413: "The request, a text, or the number of inputs is beyond the limits.",
    415: "The body is neither JSON nor an uploaded file, or of a kind that the run does not read.",
    422: "An input cannot be read.",
    429: "Too many inputs wait already; Retry-After says when to ask again.",
    503: "The runs are being loaded, or the server is stopping.",
}


class Prediction(BaseModel):
    """The answer to one input; both are null where the input is an empty line of a file."""

    model_config = ConfigDict(extra="allow")
    input: str | list[str] | None = Field(description="The input as the run reads it.")
    output: str | float | list[str] | dict[str, list[float]] | None = Field(
        description="A label, several labels, a number, a text, one tag per token; of a forecast, by quantile, "
        "a number per step."
    )
    probability: float | None = Field(default=None, description="Of the whole answer, where the model can say it.")
    probabilities: dict[str, float] | None = Field(
        default=None, description="Of each label, where there may be several."
    )
    attention: list[list[float]] | None = Field(
        default=None, description="For each written symbol, its weight for each time step of the input."
    )


class Predictions(BaseModel):
    """The answers to the inputs of a request, in their order."""

    run: str
    predictions: list[Prediction]
    notes: list[str] = Field(default=[], description="What is worth knowing of an uploaded file.")


class Problem(BaseModel):
    """Why a request is not answered."""

    error: str


class Health(BaseModel):
    """Whether questions are answered."""

    status: str
    detail: str


def make_app(service: Service, hosts: Hosts) -> Gate:
    """Return the ASGI application of a service. hosts: the names by which it may be asked."""
    app = FastAPIOffline(
        redoc_url=None,
        redirect_slashes=False,
        title="Unrolled",
        summary="Trained runs over HTTP.",
        version=runs.read_version() or "unknown",
        # Otherwise the page would ask a server in the internet whether the schema is valid.
        swagger_ui_parameters={"validatorUrl": None},
    )
    add_errors(app, service)
    add_probes(app, service)
    for run in service.runs.values():
        add_run(app, service, run)
    return Gate(app, service, hosts)


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response in JSON; a number that is not finite is null."""
    body = msgspec.json.encode(content)
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")


def add_errors(app: FastAPI, service: Service) -> None:
    """Have every error answered by JSON with one message."""

    def tell(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        return answer({"error": message}, status, headers)

    @app.exception_handler(Refusal)
    async def refuse(request: Request, error: Refusal) -> Response:
        pause = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return tell(error.status, error.message, pause)

    @app.exception_handler(HTTPException)
    async def explain(request: Request, error: HTTPException) -> Response:
        message = str(error.detail)
        if error.status_code == 404:
            known = ", ".join(f"{run.path}/predict" for run in service.runs.values())
            message = f"there is no {request.url.path:.200}; the runs are asked at {known}; see /docs"
        if error.status_code == 405:
            allowed = (error.headers or {}).get("allow", "POST")
            message = f"{request.method:.20} {request.url.path:.200}: expected {allowed}; see /docs"
        return tell(error.status_code, message, error.headers)

    @app.exception_handler(RequestValidationError)
    async def explain_parameter(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return tell(422, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(ClientDisconnect)
    async def leave(request: Request, error: ClientDisconnect) -> Response:
        return tell(GONE, "the connection was closed before the request was complete")

    # Starlette raises it again once it is answered, and it is logged with its traceback.
    @app.exception_handler(Exception)
    async def apologise(request: Request, error: Exception) -> Response:
        return tell(500, "an error of the server, which its log tells more about")


def add_probes(app: FastAPI, service: Service) -> None:
    """Add what does not answer questions: which runs there are, health and metrics."""

    @app.get("/health/live", summary="Whether the process is alive", response_model=Health, tags=["server"])
    async def live() -> Response:
        return answer({"status": "alive", "detail": service.describe_state()})

    problems = {503: {"model": Health, "description": "The runs are being loaded, or the server is stopping."}}

    async def ready() -> Response:
        status = 200 if service.state == "ready" else 503
        return answer({"status": service.state, "detail": service.describe_state()}, status)

    for path in ("/health", "/health/ready"):
        app.add_api_route(
            path, ready, summary="Whether questions are answered", response_model=Health,
            responses=problems, tags=["server"], operation_id=path,  # type: ignore[arg-type]
        )  # fmt: skip

    @app.get("/metrics", summary="What is counted, for Prometheus", tags=["server"])
    async def metrics() -> Response:
        return Response(service.metrics.format(), media_type=service.metrics.content_type)

    @app.get("/v1", summary="Which runs there are", tags=["server"])
    async def list_runs() -> Response:
        rows = [{"run": one.name, "task": one.experiment.task.name, "path": one.path} for one in service.runs.values()]
        return answer({"runs": rows})


def add_run(app: FastAPI, service: Service, run: ServedRun) -> None:
    """Add the two paths of a run: what it is, and its predictions."""
    task, batcher = run.experiment.task, service.batchers[run.name]

    async def describe() -> Response:
        return answer(run.describe())

    async def predict(
        request: Request,
        attention: Annotated[bool, Query(description="Return what each written symbol looked at, too.")] = False,
        seed: Annotated[
            int, Query(ge=0, lt=POSITIONS, description="Of the random numbers, where the run samples.")
        ] = 0,
        text_column: Annotated[
            str | None, Query(description="Column of the input in an uploaded table: its name or its number.")
        ] = None,
    ) -> Response:
        service.check_ready()
        if attention and not run.attends:
            raise Refusal(422, f"attention: {run.path} has none; train a run with --attention bahdanau or luong")
        if seed and not run.samples:
            raise Refusal(422, f"seed: {run.path} draws nothing by chance; see --temperature")
        asked = await read(run, request, reading={"text_column": text_column} if text_column else {}, seed=seed)
        answers = await batcher.ask(asked.questions)
        # Not before: it imports Keras, which the thread that calls it has to start.
        from harness.predict import to_prediction

        found = iter(
            {**to_prediction(question.shown, one, attention=attention), **question.told}
            for question, one in zip(asked.questions, answers, strict=True)
        )
        content: dict[str, Any] = {
            "run": run.name,
            "predictions": [{"input": None, "output": None} if blank else next(found) for blank in asked.blanks],
        }
        return answer(content | ({"notes": asked.notes} if asked.notes else {}))

    problems: dict[int | str, dict[str, Any]] = {
        code: {"model": Problem, "description": meaning} for code, meaning in MEANINGS.items()
    }
    app.add_api_route(
        run.path, describe, summary=f"What {run.name} is", tags=[run.name], operation_id=f"describe {run.name}"
    )
    app.add_api_route(
        f"{run.path}/predict",
        predict,
        methods=["POST"],
        summary=task.summary,
        tags=[run.name],
        operation_id=f"predict {run.name}",
        responses={200: {"model": Predictions}, **problems},
        openapi_extra={"requestBody": {"required": True, "content": describe_body(run)}},
    )


def describe_body(run: ServedRun) -> dict[str, Any]:
    """Return the schema of what is sent, by its media type."""
    field = run.experiment.input_field
    kind = f"{field.file}s" if field.file else "text files, an input per line, or tables"
    upload = {"type": "array", "items": {"type": "string", "format": "binary"}, "description": kind}
    form = {FORM: {"schema": {"type": "object", "required": ["file"], "properties": {"file": upload}}}}
    if field.file:
        return form
    item: dict[str, Any] = {"type": "string", "maxLength": run.limits.max_characters}
    if field.tokenizer:
        item = {"anyOf": [item, {"type": "array", "items": {"type": "string"}, "description": "tokens"}]}
    schema = {"type": "array", "items": item, "minItems": 1, "maxItems": run.limits.max_inputs}
    return {"application/json": {"schema": schema, "example": ["a text"]}} | form


async def read(run: ServedRun, request: Request, reading: dict[str, Value], *, seed: int) -> Asked:
    """Return what a request asks; Refusal for one that cannot be read."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == FORM:
        return await read_form(run, request, reading, seed=seed)
    # What curl -d sends where nothing is said.
    if kind not in ("application/json", "application/x-www-form-urlencoded"):
        raise Refusal(415, f"{kind:.60}: expected a JSON list of texts, or an uploaded file, as in curl -F file=@FILE")
    body = await request.body()
    if len(body) > LONG:
        return await asyncio.to_thread(read_json, run, body, seed=seed)
    return read_json(run, body, seed=seed)


async def read_form(run: ServedRun, request: Request, reading: dict[str, Value], *, seed: int) -> Asked:
    """Return what the uploaded files of a form ask."""
    async with request.form(max_files=run.limits.max_inputs, max_fields=1) as form:
        parts = [part for _, part in form.multi_items()]
        uploads = [part for part in parts if isinstance(part, UploadFile)]
        if len(uploads) < len(parts):
            raise Refusal(422, "expected uploaded files alone, as in curl -F file=@FILE; texts are sent as JSON")
        check_count(run, len(uploads))
        return await asyncio.to_thread(keep_and_read, run, uploads, reading, seed)


def keep_and_read(run: ServedRun, uploads: Sequence[UploadFile], reading: dict[str, Value], seed: int) -> Asked:
    """Return what uploads ask. They are written to a folder of their own, which is gone afterwards."""
    with files.temporary_folder() as folder:
        kept = []
        for number, upload in enumerate(uploads, 1):
            name = upload.filename or f"file {number}"
            kept.append(Upload(name, choose_path(folder, number, name)))
            kept[-1].path.write_bytes(upload.file.read())
        return read_uploads(run, kept, reading, seed=seed)
