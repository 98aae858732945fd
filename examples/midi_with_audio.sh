#!/bin/sh
# MIDI in step with audio: a tick each second as sound, and a file as MIDI, in one session. You hear the notes of a file
# of one note a second together with the ticks, whatever the networks between do.
#
#   midi_with_audio.sh send HOST SONG.mid        (then, or before, on HOST:)
#   midi_with_audio.sh receive
#
# One rtpbin has both streams, so both have sender reports under one CNAME, and these say which of their timestamps are of
# the same moment (RFC 3550, 6.4.1). The receiver's rtpbin moves the stream that is ahead; without
# min-ts-offset=0 it leaves 8 ms alone. The ports are those from $PORT on.
# Both streams begin at running time 0: a live audiotestsrc begins when it has started. Its ticks come one buffer early
# but for the first, so its buffers are a second long. What is sent fits a packet: of several packets from one buffer
# GStreamer 1.22 reports the time of one for that of another.
set -eu
port=${PORT:-5004}
audio='application/x-rtp, media=audio, encoding-name=L16, clock-rate=48000, channels=1, payload=96'
midi='application/x-rtp, media=audio, encoding-name=RTP-MIDI, clock-rate=44100, payload=97'

case "${1:-}" in
send)
    to() { echo "udpsink host=$host port=$1"; }
    host=$2
    exec gst-launch-1.0 -q rtpbin name=session rtcp-sync-send-time=false \
        audiotestsrc wave=ticks samplesperbuffer=48000 ! audio/x-raw,rate=48000,channels=1 ! audioconvert \
        ! audiobuffersplit output-buffer-duration=1/100 ! clocksync ! rtpL16pay pt=96 ! "$audio" ! session.send_rtp_sink_0 \
        session.send_rtp_src_0 ! $(to "$port") async=false \
        session.send_rtcp_src_0 ! $(to $((port + 1))) sync=false async=false \
        filesrc location="$3" ! smfparse ! clocksync ! rtpmidipay pt=97 journal=anchor ! session.send_rtp_sink_1 \
        session.send_rtp_src_1 ! $(to $((port + 2))) async=false \
        session.send_rtcp_src_1 ! $(to $((port + 3))) sync=false async=false
    ;;
receive)
    exec gst-launch-1.0 -q rtpbin name=session latency=300 min-ts-offset=0 \
        udpsrc port="$port" caps="$audio" ! session.recv_rtp_sink_0 \
        udpsrc port=$((port + 1)) ! session.recv_rtcp_sink_0 \
        udpsrc port=$((port + 2)) caps="$midi" ! session.recv_rtp_sink_1 \
        udpsrc port=$((port + 3)) ! session.recv_rtcp_sink_1 \
        audiomixer name=both ! audioconvert ! autoaudiosink \
        session. ! rtpL16depay ! audioconvert ! both. \
        session. ! rtpmididepay ! midirender ! audioconvert ! both.
    ;;
*)
    echo "usage: $0 send HOST SONG.mid | receive" >&2
    exit 2
    ;;
esac
