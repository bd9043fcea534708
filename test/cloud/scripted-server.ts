/** A small HTTP server on loopback that answers as a test tells it to, and remembers what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query, as they stood in the request line. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What to answer. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a text as it is. */
  readonly body?: unknown;
  /** `reset`: the connection breaks without an answer; `cut`: in the middle of the body; `hang` and `stall`: the same, by silence. */
  readonly fault?: 'reset' | 'cut' | 'hang' | 'stall';
}

export interface ScriptedServer {
  readonly url: URL;
  readonly requests: readonly SeenRequest[];
  /** The most requests that were open at one time. */
  readonly mostOpen: () => number;
  readonly close: () => Promise<void>;
}

/** Starts a server; `script` gets each request and its number, from 0. */
export async function startServer(
  script: (request: SeenRequest, index: number) => Reply | Promise<Reply>,
): Promise<ScriptedServer> {
  const requests: SeenRequest[] = [];
  let open = 0;
  let most = 0;
  const server = createServer(async (incoming, outgoing) => {
    open += 1;
    most = Math.max(most, open);
    outgoing.on('close', () => {
      open -= 1;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const request = { method: incoming.method ?? '', target: incoming.url ?? '', headers: incoming.headers, body };
    requests.push(request);
    answer(outgoing, await script(request, requests.length - 1));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // The machine's time in a Date header would be the only thing here that differs from one run to the next.
  server.prependListener('request', (_, outgoing) => {
    outgoing.sendDate = false;
  });
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    requests,
    mostOpen: () => most,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(outgoing: ServerResponse, reply: Reply): void {
  if (reply.fault === 'hang') return;
  if (reply.fault === 'reset') {
    outgoing.destroy();
    return;
  }
  const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {});
  const bytes = Buffer.from(text);
  outgoing.writeHead(reply.status ?? 200, {
    'content-type': 'application/json',
    ...reply.headers,
    'content-length': bytes.length,
  });
  if (reply.fault === undefined) {
    outgoing.end(bytes);
    return;
  }
  outgoing.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => {
    if (reply.fault === 'cut') outgoing.destroy();
  });
}
