import type { OpenApiDocument } from "../../reference/openapi.ts";
import { type DocumentedOperation, operationsOf, type Schema } from "../documentation/operations.ts";

// What the Python client is made of: schemas by name, of which datamodel-code-generator makes types, and a method for each
// operation, once to wait for and once to await.

type Named = Record<string, Schema | object>;

/** The document's schemas, with a name for each body, query, answer and entry of a list. Errors are one class. */
export function typesDocument(document: OpenApiDocument): object {
  const named: Named = { ...(document.components?.schemas as Named) };
  for (const operation of operationsOf(document)) {
    const name = pascal(operation.id);
    const { requestSchema, answers } = operation;
    if (requestSchema && refOf(requestSchema) === undefined) named[`${name}Body`] = requestSchema;
    const query = queryOf(operation);
    if (query.length > 0) {
      const properties = query.map(({ name, schema, description }) => [name, { ...schema, description }]);
      named[`${name}Query`] = { type: "object", properties: Object.fromEntries(properties) };
    }
    answers.forEach(({ schema }, index) => {
      if (isJson(schema) && refOf(schema) === undefined) named[answerName(operation, index)] = schema;
    });
  }
  const { openapi, info } = document;
  return { openapi, info, paths: {}, components: { schemas: named } };
}

/** The module of the two clients. */
export function clientModule(document: OpenApiDocument): string {
  const operations = operationsOf(document);
  const methods = (isAsync: boolean) =>
    operations.map((operation) => methodsOf(operation, isAsync)).join("\n");
  return `"""Generated from the API's OpenAPI document."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Unpack

from . import types
from ._transport import AsyncTransport, Transport


class Nixflex(Transport):
    """The API of one deployment, with a method for each operation."""

${methods(false)}

class AsyncNixflex(AsyncTransport):
    """The same as :class:\`Nixflex\`, to be awaited."""

${methods(true)}`;
}

function methodsOf(operation: DocumentedOperation, isAsync: boolean): string {
  const { id, method, path, summary, parameters, takesKey, requestSchema, answers } = operation;
  const name = snake(id);
  const paths = parameters.filter((parameter) => parameter.in === "path").map((parameter) => parameter.name);
  const hasQuery = queryOf(operation).length > 0;
  const list = entriesOf(operation);
  const query = hasQuery ? [`**query: Unpack[types.${pascal(id)}Query]`] : [];
  const given = [
    "self",
    ...paths.map((path) => `${path}: str`),
    ...(requestSchema ? [`body: types.${refOf(requestSchema) ?? `${pascal(id)}Body`}`] : []),
  ];
  const own = [...given, ...(takesKey ? ["*", "idempotency_key: str | None = None"] : []), ...query];
  const answer = [...new Set(answers.map(({ schema }, index) => typeOf(operation, schema, index)))].join(
    " | ",
  );
  const url = JSON.stringify(path);
  const place = paths.length > 0 ? `${url}, {${paths.map((path) => `"${path}": ${path}`).join(", ")}}` : url;
  const sent = [
    `"${method}"`,
    place,
    ...(hasQuery ? ["query=query"] : []),
    ...(requestSchema ? ["body=body"] : []),
    ...(takesKey ? ["takes_key=True, idempotency_key=idempotency_key"] : []),
  ];
  const [define, wait, iterator] = isAsync
    ? ["async def", "await ", "AsyncIterator"]
    : ["def", "", "Iterator"];
  const one = `    ${define} ${name}(${own.join(", ")}) -> ${answer}:
        """${summary}."""
        return ${wait}self._request(${sent.join(", ")})
`;
  if (list === undefined) return one;
  return `${one}
    def ${name.replace(/^list_/, "iter_")}(${[...given, ...query].join(", ")}) -> ${iterator}[${list.type}]:
        """${summary}, page by page, to the end."""
        return self._entries("${list.field}", ${place}${hasQuery ? ", query=query" : ""})
`;
}

/** The field of a list's answer that holds its entries, and their type. */
function entriesOf(operation: DocumentedOperation): { field: string; type: string } | undefined {
  const [{ schema }] = operation.answers;
  const { limit, ...fields } = schema.properties ?? {};
  const [field, { items }] = Object.entries(fields).find(([, { type }]) => type === "array") ?? ["", {}];
  if (limit === undefined || items === undefined) return undefined;
  const entry = refOf(items);
  if (entry === undefined)
    throw new Error(`An entry of ${operation.id} needs a name in the OpenAPI document.`);
  return { field, type: `types.${entry}` };
}

function typeOf(operation: DocumentedOperation, schema: Schema, index: number): string {
  return isJson(schema) ? `types.${refOf(schema) ?? answerName(operation, index)}` : "bytes";
}

const answerName = ({ id }: DocumentedOperation, index: number) =>
  `${pascal(id)}Answer${index === 0 ? "" : index + 1}`;
const queryOf = ({ parameters }: DocumentedOperation) =>
  parameters.filter((parameter) => parameter.in === "query");
const refOf = ({ $ref }: Schema) => $ref?.replace("#/components/schemas/", "");
/** All others are files. */
const isJson = (schema: Schema) => schema.type !== "string";
const pascal = (id: string) => id.charAt(0).toUpperCase() + id.slice(1);
const snake = (id: string) => id.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
