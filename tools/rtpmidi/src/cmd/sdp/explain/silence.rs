//! What goes without saying: the defaults of RFC 6295 for what the parameters of a stream leave open.

use rtp_midi::Format;

use super::context::{About, Context};
use super::words::{self, Words};

/// The defaults of the streams whose media line ends with line `number`.
pub(super) fn explain(context: &Context, number: usize) -> Vec<String> {
    let streams = context.ending(number);
    let unsaid = |stream: &About| {
        let found = defaults(stream);
        let heading = format!("  (of payload type {} nothing more is said, so:)", stream.payload_type);
        (!found.is_empty()).then(|| [heading, words::print(4, &found)])
    };
    streams.iter().filter_map(unsaid).flatten().collect()
}

fn defaults(stream: &About) -> Vec<Words> {
    let says = |name: &str| stream.parameters.last(name).is_some();
    let mut words = Vec::new();
    if !says("cm_unused") && !says("cm_used") {
        words.push(Words::sender("may send all of MIDI but the undefined commands F4, F5, F9 and FD."));
    }
    let has_journal = match stream.parameters.last("j_sec") {
        None if stream.is_reliable => {
            words.push(Words::sender("puts no journal into the packets, since nothing gets lost in a connection."));
            false
        }
        None => {
            words.push(Words::sender("puts a journal into every packet, so that losses can be repaired."));
            true
        }
        Some(j_sec) => j_sec.eq_ignore_ascii_case("recj"),
    };
    if has_journal && !says("j_update") {
        words.push(Words::sender("keeps the journal as short as the reports of receivers allow (closed-loop)."));
        words.push(Words::receiver("must send RTCP reports, or else journals grow."));
    }
    if !says("tsmode") {
        words.push(Words::sender("gives every command the time at which it is to happen (comex)."));
    }
    if !says("rtp_ptime") && !says("rtp_maxptime") {
        words.push(Words::receiver("finds out how much time the commands of a packet span."));
    }
    if !says("guardtime") {
        words.push(Words::receiver("cannot tell a rest from lost packets until the next one comes."));
    }
    if !says("render") && !says("config") {
        words.push(match stream.format {
            Format::Native => Words::receiver("plays the stream by whatever it has."),
            Format::Mpeg4Generic => Words::receiver("looks for the instruments elsewhere."),
        });
    }
    words
}
