import type { ChildProcess } from "node:child_process";

/** What a child process says first. @throws Error where it ends before it says anything */
export function firstMessage<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    child.once("message", (message) => resolve(message as Message));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`a child process ended with ${code}`)));
  });
}
