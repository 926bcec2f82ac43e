import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A door in front of a server that counts what passes through it. */
export type ByteCounter = {
  url: string;
  /** Bytes in both directions since the last time it was asked, heads and bodies of HTTP included. */
  take: () => number;
  close: () => void;
};

export async function countBytesTo(target: string): Promise<ByteCounter> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let bytes = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("data", (chunk) => {
        bytes += chunk.length;
        to.write(chunk);
      });
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => open.delete(from));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const counted = bytes;
      bytes = 0;
      return counted;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
