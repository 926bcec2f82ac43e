// The few sentences that are ours and not the model's, in the languages of most callers.

/** An agent without a model and without a welcome message, before it hangs up. */
export const DEFAULT_WELCOME = "Thank you for calling.";
/** In place of an agent that does not answer; always in English. */
export const UNAVAILABLE = "This number is not taking calls at the moment. Please try again later.";

const en = {
  /** While the model takes its time. */
  filler: "One moment. ",
  /** The model failed; it is asked once more. */
  apology: "Sorry, that took too long. Let me try again. ",
  /** The connection was lost in the middle. */
  lost: "Sorry, I lost you for a moment. Could you say that again?",
  goodbye: "Goodbye.",
  /** The call has lasted as long as it may. */
  timeIsUp: "I have to end this call now. Goodbye.",
  transferring: "I will put you through now.",
  cannotTransfer: "I am sorry, I cannot put you through there.",
  /** The model wants what it may not do. */
  cannotDo: "I am sorry, I cannot do that.",
  stillThere: "Are you still there?",
  /** To a caller, if there is no welcome message. */
  hello: "Hello, how can I help?",
};

export type Phrases = typeof en;

const BY_LANGUAGE: Readonly<Record<string, Phrases>> = {
  de: {
    filler: "Einen Moment. ",
    apology: "Entschuldigung, das hat zu lange gedauert. Ich versuche es noch einmal. ",
    lost: "Entschuldigung, ich habe Sie kurz nicht gehört. Können Sie das wiederholen?",
    goodbye: "Auf Wiederhören.",
    timeIsUp: "Ich muss das Gespräch jetzt beenden. Auf Wiederhören.",
    transferring: "Ich verbinde Sie jetzt.",
    cannotTransfer: "Dorthin kann ich Sie leider nicht verbinden.",
    cannotDo: "Das kann ich leider nicht tun.",
    stillThere: "Sind Sie noch da?",
    hello: "Guten Tag, wie kann ich helfen?",
  },
  fr: {
    filler: "Un instant. ",
    apology: "Désolé, cela a pris trop de temps. Je réessaie. ",
    lost: "Désolé, je vous ai perdu un instant. Pouvez-vous répéter ?",
    goodbye: "Au revoir.",
    timeIsUp: "Je dois mettre fin à cet appel. Au revoir.",
    transferring: "Je vous mets en relation.",
    cannotTransfer: "Désolé, je ne peux pas vous transférer vers ce numéro.",
    cannotDo: "Désolé, je ne peux pas faire cela.",
    stillThere: "Êtes-vous toujours là ?",
    hello: "Bonjour, comment puis-je vous aider ?",
  },
  es: {
    filler: "Un momento. ",
    apology: "Perdone, ha tardado demasiado. Lo intento otra vez. ",
    lost: "Perdone, no le he oído. ¿Puede repetirlo?",
    goodbye: "Adiós.",
    timeIsUp: "Tengo que terminar la llamada. Adiós.",
    transferring: "Le paso la llamada.",
    cannotTransfer: "Lo siento, no puedo pasarle con ese número.",
    cannotDo: "Lo siento, no puedo hacer eso.",
    stillThere: "¿Sigue ahí?",
    hello: "Hola, ¿en qué puedo ayudarle?",
  },
};

/** @param tag BCP 47; English if there is nothing in its language */
export function phrasesIn(tag: string): Phrases {
  return BY_LANGUAGE[tag.split("-")[0]?.toLowerCase() ?? ""] ?? en;
}
