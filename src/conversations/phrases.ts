// The few sentences that are ours and not the model's, in the languages of most callers.

export type Phrases = {
  /** While the model takes its time. */
  filler: string;
  /** The model failed; it is asked once more. */
  apology: string;
  /** The connection was lost in the middle. */
  lost: string;
  goodbye: string;
  /** The call has lasted as long as it may. */
  timeIsUp: string;
  transferring: string;
  cannotTransfer: string;
  stillThere: string;
  /** Instead of a welcome message, where a caller would otherwise hear nothing. */
  hello: string;
};

const en: Phrases = {
  filler: "One moment. ",
  apology: "Sorry, that took too long. Let me try again. ",
  lost: "Sorry, I lost you for a moment. Could you say that again?",
  goodbye: "Goodbye.",
  timeIsUp: "I have to end this call now. Goodbye.",
  transferring: "I will put you through now.",
  cannotTransfer: "I am sorry, I cannot put you through there.",
  stillThere: "Are you still there?",
  hello: "Hello, how can I help?",
};

const de: Phrases = {
  filler: "Einen Moment. ",
  apology: "Entschuldigung, das hat zu lange gedauert. Ich versuche es noch einmal. ",
  lost: "Entschuldigung, ich habe Sie kurz nicht gehört. Können Sie das wiederholen?",
  goodbye: "Auf Wiederhören.",
  timeIsUp: "Ich muss das Gespräch jetzt beenden. Auf Wiederhören.",
  transferring: "Ich verbinde Sie jetzt.",
  cannotTransfer: "Dorthin kann ich Sie leider nicht verbinden.",
  stillThere: "Sind Sie noch da?",
  hello: "Guten Tag, wie kann ich helfen?",
};

const fr: Phrases = {
  filler: "Un instant. ",
  apology: "Désolé, cela a pris trop de temps. Je réessaie. ",
  lost: "Désolé, je vous ai perdu un instant. Pouvez-vous répéter ?",
  goodbye: "Au revoir.",
  timeIsUp: "Je dois mettre fin à cet appel. Au revoir.",
  transferring: "Je vous mets en relation.",
  cannotTransfer: "Désolé, je ne peux pas vous transférer vers ce numéro.",
  stillThere: "Êtes-vous toujours là ?",
  hello: "Bonjour, comment puis-je vous aider ?",
};

const es: Phrases = {
  filler: "Un momento. ",
  apology: "Perdone, ha tardado demasiado. Lo intento otra vez. ",
  lost: "Perdone, no le he oído. ¿Puede repetirlo?",
  goodbye: "Adiós.",
  timeIsUp: "Tengo que terminar la llamada. Adiós.",
  transferring: "Le paso la llamada.",
  cannotTransfer: "Lo siento, no puedo pasarle con ese número.",
  stillThere: "¿Sigue ahí?",
  hello: "Hola, ¿en qué puedo ayudarle?",
};

const BY_LANGUAGE: Readonly<Record<string, Phrases>> = { en, de, fr, es };

/** @param tag BCP 47; English if there is nothing in its language */
export function phrasesIn(tag: string): Phrases {
  return BY_LANGUAGE[tag.split("-")[0]?.toLowerCase() ?? ""] ?? en;
}
