// Every word the widget says by itself. To add a language, add a column; `{n}` is a number.

const en = {
  title: "Chat",
  open: "Open chat",
  close: "Close chat",
  send: "Send",
  placeholder: "Write a message…",
  online: "Online",
  connecting: "Connecting…",
  offline: "You are offline. Messages are sent as soon as you are back.",
  you: "You said:",
  bot: "Bot said:",
  failed: "Not sent.",
  retry: "Try again",
  restart: "Start over",
  answers: "Suggested answers",
  cards: "Cards",
  locate: "Share my location",
  log: "Conversation",
  newer: "New messages",
  unread: "{n} unread",
  unavailable: "This chat is not available right now.",
};

export type Strings = typeof en;

const TABLE: Record<string, Strings> = {
  en,
  de: {
    title: "Chat",
    open: "Chat öffnen",
    close: "Chat schließen",
    send: "Senden",
    placeholder: "Nachricht schreiben …",
    online: "Online",
    connecting: "Verbindung wird aufgebaut …",
    offline: "Sie sind offline. Nachrichten werden gesendet, sobald Sie wieder verbunden sind.",
    you: "Sie:",
    bot: "Bot:",
    failed: "Nicht gesendet.",
    retry: "Erneut versuchen",
    restart: "Von vorn beginnen",
    answers: "Vorgeschlagene Antworten",
    cards: "Karten",
    locate: "Meinen Standort senden",
    log: "Unterhaltung",
    newer: "Neue Nachrichten",
    unread: "{n} ungelesen",
    unavailable: "Dieser Chat ist gerade nicht erreichbar.",
  },
  es: {
    title: "Chat",
    open: "Abrir el chat",
    close: "Cerrar el chat",
    send: "Enviar",
    placeholder: "Escribe un mensaje…",
    online: "En línea",
    connecting: "Conectando…",
    offline: "No tienes conexión. Los mensajes se enviarán en cuanto vuelvas.",
    you: "Tú:",
    bot: "Bot:",
    failed: "No se envió.",
    retry: "Reintentar",
    restart: "Empezar de nuevo",
    answers: "Respuestas sugeridas",
    cards: "Tarjetas",
    locate: "Compartir mi ubicación",
    log: "Conversación",
    newer: "Mensajes nuevos",
    unread: "{n} sin leer",
    unavailable: "Este chat no está disponible en este momento.",
  },
  ar: {
    title: "محادثة",
    open: "افتح المحادثة",
    close: "أغلق المحادثة",
    send: "إرسال",
    placeholder: "اكتب رسالة…",
    online: "متصل",
    connecting: "جارٍ الاتصال…",
    offline: "أنت غير متصل بالإنترنت. ستُرسل الرسائل فور عودة الاتصال.",
    you: "قلتَ:",
    bot: "قال الروبوت:",
    failed: "لم تُرسل.",
    retry: "أعد المحاولة",
    restart: "ابدأ من جديد",
    answers: "إجابات مقترحة",
    cards: "بطاقات",
    locate: "مشاركة موقعي",
    log: "المحادثة",
    newer: "رسائل جديدة",
    unread: "{n} غير مقروءة",
    unavailable: "هذه المحادثة غير متاحة الآن.",
  },
};

const RIGHT_TO_LEFT = /^(ar|arc|dv|fa|he|ku|ps|sd|ug|ur|yi)\b/i;

/** The words of a language ("pt-BR" falls back to "pt", then English), with the channel's own wording on top. */
export function stringsOf(language: string, own: Partial<Strings> = {}): Strings {
  return { ...en, ...TABLE[language.toLowerCase().split("-")[0] ?? ""], ...own };
}

/** The first of the wished languages that the widget speaks, or English. */
export function languageOf(...wishes: (string | null | undefined)[]): string {
  return wishes.find((wish) => wish && wish.toLowerCase().split("-")[0]! in TABLE) ?? "en";
}

/** The direction a language is written in. */
export function directionOf(language: string): "rtl" | "ltr" {
  return RIGHT_TO_LEFT.test(language) ? "rtl" : "ltr";
}
