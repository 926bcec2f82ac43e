/** A call's SID in what Twilio or a caller sends: short, and fit for a name. */
export const CALL_SID = /^CA[0-9A-Za-z]{1,40}$/;
