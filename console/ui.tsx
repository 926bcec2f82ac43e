import type { ComponentChildren, TargetedEvent } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { NixflexError } from "./api.ts";
import { HEALTH } from "./health.ts";
import type { Loaded } from "./store.ts";
import type { Health } from "./types.ts";

// The few parts that every page is made of.

/** What went wrong, in the API's own words, with its page and the request's id. */
export function Problem({ error }: { error: unknown }) {
  if (error === undefined || error === null) return null;
  if (!(error instanceof NixflexError)) {
    return (
      <p class="problem" role="alert">
        The deployment did not answer. Check your connection and try again.
      </p>
    );
  }
  return (
    <div class="problem" role="alert">
      <p>{error.message}</p>
      <p class="quiet">
        {error.docUrl && (
          <a href={new URL(error.docUrl).pathname} target="_blank" rel="noopener">
            What to do about {error.code}
          </a>
        )}
        {error.requestId && <> · request {error.requestId}</>}
      </p>
    </div>
  );
}

/** An empty page that says what would be here and what to do. */
export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Something that is being loaded: the error, the wait, or what came. */
export function Content<Value>({
  of: { value, error, isLoading, again },
  children,
}: {
  of: Loaded<Value> & { again?: () => void };
  children: (value: Value) => ComponentChildren;
}) {
  return (
    <>
      <Problem error={error} />
      {error !== undefined && again && (
        <Button onClick={again} isBusy={isLoading}>
          Try again
        </Button>
      )}
      {value === undefined
        ? isLoading && (
            <p class="quiet" role="status">
              Loading…
            </p>
          )
        : children(value)}
    </>
  );
}

/** How far something is. Its end is read out, and not each step. */
export function Progressing({ isOver, children }: { isOver: boolean; children: string }) {
  return (
    <>
      <p>{isOver ? `${children}.` : children}</p>
      <p class="hidden" role="status">
        {isOver && "Finished."}
      </p>
    </>
  );
}

type ButtonProps = {
  onClick?: () => void;
  kind?: "primary" | "danger";
  type?: "submit" | "button";
  isBusy?: boolean;
  isDisabled?: boolean;
  label?: string;
  children: ComponentChildren;
};

export function Button({
  onClick,
  kind,
  type = "button",
  isBusy = false,
  isDisabled = false,
  label,
  children,
}: ButtonProps) {
  return (
    <button
      type={type}
      class={kind}
      aria-label={label}
      aria-busy={isBusy}
      disabled={isDisabled || isBusy}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

/** A label, its input, and what to know about it. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: ComponentChildren;
  children: (ids: { id: string; "aria-describedby"?: string }) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(hint !== undefined && { "aria-describedby": `${id}-hint` }) })}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** A form that stays on this page. */
export function Form({ onSubmit, children }: { onSubmit: () => void; children: ComponentChildren }) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
    </form>
  );
}

export const textOf = (event: TargetedEvent<HTMLElement>): string =>
  (event.currentTarget as HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement).value;

/** A question in front of the page. Esc closes it, and the focus goes back to where it was. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** A text to copy. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [isDone, setDone] = useState(false);
  return (
    <div class="copy">
      <code>{text}</code>
      <Button
        label={`Copy ${label}`}
        onClick={() => void navigator.clipboard.writeText(text).then(() => setDone(true))}
      >
        {isDone ? "Copied" : "Copy"}
      </Button>
    </div>
  );
}

/** A state as a word with a mark, so that the colour is not all there is. */
export function Mark({ tone, children }: { tone: "good" | "warn" | "bad"; children: ComponentChildren }) {
  return (
    <span class={`mark ${tone}`}>
      <span class="sign" aria-hidden="true">
        {{ good: "●", warn: "▲", bad: "■" }[tone]}
      </span>{" "}
      {children}
    </span>
  );
}

export function HealthMark({ health }: { health: Health }) {
  return <Mark tone={HEALTH[health].tone}>{HEALTH[health].short}</Mark>;
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** A time as people say it; the exact one is its title. */
export function When({ at, never = "never" }: { at: string | null | undefined; never?: string }) {
  if (!at) return <span class="quiet">{never}</span>;
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["minute", 60];
  const text =
    Math.abs(seconds) < 60
      ? "just now"
      : Math.abs(seconds) > 30 * 86_400
        ? at.slice(0, 10)
        : RELATIVE.format(Math.round(seconds / size), unit);
  return (
    <time dateTime={at} title={new Date(at).toLocaleString("en", { dateStyle: "medium", timeStyle: "long" })}>
      {text}
    </time>
  );
}

export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount.toLocaleString("en")} ${amount === 1 ? one : many}`;
}

type PagesOf = {
  of: string;
  offset: number;
  size: number;
  total: number;
  /** There are more than that. */
  isMinimum?: boolean | undefined;
  onOffset: (offset: number) => void;
};

/** To the pages before and after this one of a long list. */
export function Pages({ of, offset, size, total, isMinimum = false, onOffset }: PagesOf) {
  if (total <= size) return null;
  const last = isMinimum ? offset + size : Math.min(offset + size, total);
  return (
    <nav class="pages" aria-label={`Pages of ${of}`}>
      <Button isDisabled={offset === 0} onClick={() => onOffset(offset - size)}>
        Previous
      </Button>
      <span>
        {offset + 1} to {last} of {total.toLocaleString("en")}
        {isMinimum && "+"}
      </span>
      <Button isDisabled={!isMinimum && last >= total} onClick={() => onOffset(offset + size)}>
        Next
      </Button>
    </nav>
  );
}
