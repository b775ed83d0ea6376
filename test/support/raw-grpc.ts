import * as grpc from "@grpc/grpc-js";

/** A gRPC client without message types: bytes out, bytes in. It sends what the generated client never would. */
export interface RawGrpc extends Disposable {
  /** One request, one answer. */
  call(path: string, request: Uint8Array, options?: grpc.CallOptions): Promise<Buffer>;
  /** One request on a stream, and its first answer. */
  stream(path: string, request: Uint8Array): Promise<Buffer>;
  /** A call that the test can cancel. */
  begin(path: string, request: Uint8Array): { cancel(): void; answer: Promise<Buffer> };
}

const same = (bytes: Buffer): Buffer => bytes;

export function rawGrpc(url: string): RawGrpc {
  const client = new grpc.Client(new URL(url).host, grpc.credentials.createInsecure());
  const begin = (path: string, request: Uint8Array, options: grpc.CallOptions = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const call = client.makeUnaryRequest(path, same, same, Buffer.from(request), options, (error, answer) =>
      error === null ? resolve(answer as Buffer) : reject(error),
    );
    return { cancel: () => call.cancel(), answer: promise };
  };
  return {
    begin,
    call: (path, request, options) => begin(path, request, options).answer,
    stream: async (path, request) => {
      const call = client.makeBidiStreamRequest(path, same, same);
      call.end(Buffer.from(request));
      for await (const answer of call as AsyncIterable<Buffer>) return answer;
      throw new Error("the stream ended without an answer");
    },
    [Symbol.dispose]: () => client.close(),
  };
}
