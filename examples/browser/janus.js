// Joins a mountpoint of Janus' streaming plugin over its WebSocket API, and hands on what comes by the data channel.

/** Watches mountpoint `id` of the Janus at `url`. `take` gets each packet, `tell` words about the connection. */
export function watch(url, id, take, tell) {
  const socket = new WebSocket(url, "janus-protocol");
  const connection = new RTCPeerConnection();
  let [session, handle] = [0, 0];
  const send = (request) => socket.send(JSON.stringify({ transaction: "t", session_id: session || undefined,
    handle_id: handle || undefined, ...request }));

  // Janus sends into the channel that the page makes, under this name.
  const channel = connection.createDataChannel("JanusDataChannel");
  channel.binaryType = "arraybuffer";
  channel.onopen = () => tell("listening");
  channel.onmessage = (event) => { if (event.data instanceof ArrayBuffer) take(event.data); };
  channel.onclose = () => tell("the stream has gone: reload to listen again");
  connection.onicecandidate = ({ candidate }) => send({ janus: "trickle", candidate: candidate ?? { completed: true } });

  socket.onopen = () => send({ janus: "create" });
  socket.onerror = () => tell(`no Janus at ${url}`);
  socket.onclose = () => clearInterval(alive);
  // Janus forgets a session that says nothing for a minute.
  const alive = setInterval(() => session && send({ janus: "keepalive", handle_id: undefined }), 25_000);
  socket.onmessage = async ({ data }) => {
    const answer = JSON.parse(data);
    const error = answer.error?.reason ?? answer.plugindata?.data?.error;
    if (error) return tell(error);
    if (answer.janus === "success" && !session) {
      session = answer.data.id;
      send({ janus: "attach", plugin: "janus.plugin.streaming" });
    } else if (answer.janus === "success" && !handle) {
      handle = answer.data.id;
      send({ janus: "message", body: { request: "watch", id } });
    } else if (answer.jsep) {
      await connection.setRemoteDescription(answer.jsep);
      await connection.setLocalDescription(await connection.createAnswer());
      send({ janus: "message", body: { request: "start" }, jsep: connection.localDescription });
    }
  };
}
