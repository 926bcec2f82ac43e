import * as z from "zod/mini";
import { body, optionalText } from "../http/schema.ts";
import { DEFAULT_NAME, MAX_NAME_LENGTH } from "./api-key.ts";

/** `POST /v1/keys` */
export const createKeyBody = z.pipe(
  body({ name: optionalText(MAX_NAME_LENGTH) }),
  z.transform(({ name }) => ({ name: name ?? DEFAULT_NAME })),
);
