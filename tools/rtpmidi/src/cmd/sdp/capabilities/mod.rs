//! Capabilities files: TOML to what an end of a session can do.

mod file;

use std::path::Path;

use rtp_midi::{Config, Format};
use rtp_midi_sdp::negotiate::{Capabilities, Pairing, Party};
use rtp_midi_sdp::render::{Abilities, Renderers, SmfInfo};
use rtp_midi_sdp::{Host, Parameters, Protocol};

use super::new::general_midi;
use crate::cmd::listen::rendering::abilities;
use crate::description::{self, TOOL, place};
use crate::failure::{Failure, Result};
use crate::srtp::{Key, Suite};
use file::{DirectionName, File, KeyText, Profile};

/// A file with all keys and their defaults in comments.
pub(super) const DEFAULT: &str = include_str!("default.toml");

/// The capabilities in a file; without one the defaults.
pub(super) fn read(path: Option<&Path>) -> Result<Capabilities> {
    let Some(path) = path else { return parse(DEFAULT, "the defaults") };
    let octets = description::read(path)?;
    parse(&String::from_utf8_lossy(&octets), &path.display().to_string())
}

fn parse(text: &str, name: &str) -> Result<Capabilities> {
    let file: File = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or_else(String::new, |span| place(text, span.start));
        Failure::new(format!("{name}{place}: {}", error.message()))
            .hint("rtpmidi sdp offer --print-capabilities shows all that may stand there")
    })?;
    file.capabilities().map_err(|words| Failure::new(format!("{name}: {words}")))
}

impl File {
    fn capabilities(&self) -> Result<Capabilities, String> {
        let host = Host::parse(self.address.as_deref().unwrap_or("127.0.0.1"));
        let id = description::origin(std::net::Ipv4Addr::LOCALHOST.into()).id;
        let mut party = Party::new(self.title.as_deref().unwrap_or("MIDI"), id, host, self.port.unwrap_or(5004));
        party.tool = Some(TOOL.to_owned());
        if let Some(number) = self.payload_type {
            party.payload_type = number.0;
        }
        let mut capabilities = match self.profile {
            Profile::Open => Capabilities { abilities: abilities(), ..Capabilities::new(party) },
            Profile::Nmp => Capabilities::network_performance(party),
        };
        self.transport(&mut capabilities)?;
        self.stream(&mut capabilities)?;
        self.accept(&mut capabilities);
        self.render(&mut capabilities)?;
        Ok(capabilities)
    }

    fn transport(&self, capabilities: &mut Capabilities) -> Result<(), String> {
        let (said, ways) = (&self.transport, &mut capabilities.ways);
        if let Some(protocols) = &said.protocols {
            ways.protocols = protocols.iter().map(|protocol| protocol.0.clone()).collect();
        }
        ways.multicast = said.multicast.unwrap_or(ways.multicast);
        ways.rtcp = said.rtcp.map_or(ways.rtcp, Into::into);
        ways.setup = said.setup.map_or(ways.setup, |setup| setup.0);
        for (tag, key) in (1..).zip(said.crypto.iter().flatten()) {
            ways.crypto.push(match key {
                KeyText::New => Key::draw(Suite::default()).map_err(|failure| failure.to_string())?.crypto(tag),
                KeyText::Given(key) => key.clone(),
            });
        }
        if ways.protocols.first().is_some_and(Protocol::has_crypto) && ways.crypto.is_empty() {
            return Err("RTP/SAVP is offered without a key: write crypto = [\"new\"]".to_owned());
        }
        Ok(())
    }

    fn stream(&self, capabilities: &mut Capabilities) -> Result<(), String> {
        let said = &self.stream;
        if let Some(rate) = said.clock_rate {
            *capabilities = capabilities.clone().beside_audio(rate.get());
        }
        let described = |config: &Config, parameters: &Parameters| {
            let rate = said.clock_rate.map_or(config.clock_rate, Into::into);
            let format = said.format.map_or(config.format, Into::into);
            let config = parameters.or(&Parameters::of(config)).config(rate, format);
            config.map_err(|error| error.to_string())
        };
        let taken = said.fmtp_taken.as_ref().unwrap_or(&said.fmtp);
        for (config, parameters) in [(&mut capabilities.sends, &said.fmtp), (&mut capabilities.takes, taken)] {
            if let Some(config) = config {
                *config = described(config, &parameters.0)?;
            }
        }
        match said.direction {
            DirectionName::SendRecv => {}
            DirectionName::SendOnly => capabilities.takes = None,
            DirectionName::RecvOnly => capabilities.sends = None,
        }
        if let Some(musicport) = said.musicport {
            capabilities.pairing = Pairing::Virtual(musicport);
        }
        Ok(())
    }

    fn accept(&self, capabilities: &mut Capabilities) {
        let (said, limits) = (&self.accept, &mut capabilities.limits);
        if let Some(formats) = &said.formats {
            limits.formats = formats.iter().copied().map(Format::from).collect();
        }
        if let Some(rates) = &said.clock_rates {
            limits.clock_rates = rates.iter().map(|rate| rate.get()).collect();
        }
        if let Some(journals) = &said.journals {
            limits.journals = journals.iter().copied().map(Into::into).collect();
        }
        limits.lossless = said.lossless.unwrap_or(limits.lossless);
        limits.enhanced = said.enhanced_controllers.unwrap_or(limits.enhanced);
        if let Some(timestamps) = &said.timestamps {
            limits.timings = timestamps.iter().copied().map(Into::into).collect();
        }
        limits.filters = said.filters.unwrap_or(limits.filters);
        if let Some(span) = said.packet_time_ms {
            limits.packet_time = span.0..=span.1;
        }
        if let Some(span) = said.guardtime_ms {
            limits.guardtime = span.0..=span.1;
        }
    }

    fn render(&self, capabilities: &mut Capabilities) -> Result<(), String> {
        let said = &self.render;
        let own = capabilities.sends.as_ref().or(capabilities.takes.as_ref());
        let (format, rate) = own.map_or((Format::Native, description::CLOCK_RATE), |own| (own.format, own.clock_rate));
        let offered = said.offer.as_deref().map(|offer| match offer {
            "general-midi" => general_midi(rate),
            parameters => Parameters::parse(parameters),
        });
        match offered {
            Some(parameters) if parameters.is_empty() => capabilities.renderers = None,
            Some(parameters) => {
                let renderers =
                    Renderers::parse(&parameters, format).map_err(|error| format!("render.offer: {error}"))?;
                capabilities.renderers = Some(renderers);
            }
            None => {}
        }
        let abilities = &mut capabilities.abilities;
        if let Some(has) = &said.has {
            let (mut renders, mut object_types) = (Vec::new(), Vec::new());
            for name in has {
                match name.kind() {
                    Ok(render) => renders.push(render),
                    Err(object_type) => object_types.push(object_type),
                }
            }
            *abilities = Abilities { renders, object_types, ..abilities.clone() };
        }
        if let Some(plays) = said.play_files {
            abilities.smf_infos = if plays { vec![SmfInfo::SdpStart] } else { Vec::new() };
        }
        abilities.chanmask = said.chanmask.unwrap_or(abilities.chanmask);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_midi_sdp::negotiate::offer;

    fn offered(text: &str) -> String {
        offer(&parse(text, "x.toml").unwrap()).unwrap().print()
    }

    fn words(text: &str) -> String {
        parse(text, "x.toml").err().unwrap().to_string()
    }

    /// But for the time at which it was read.
    fn timeless(mut capabilities: Capabilities) -> Capabilities {
        capabilities.party.origin.id = 1;
        capabilities
    }

    #[test]
    fn what_is_commented_out_is_the_default() {
        let explicit = |line: &str| match line.strip_prefix("# ").filter(|rest| rest.contains(" = ")) {
            Some(setting) => setting.to_owned(),
            None => line.to_owned(),
        };
        let all: Vec<String> = DEFAULT.lines().map(explicit).collect();
        let settings = all.iter().filter(|line| line.contains(" = ") && !line.starts_with('#')).count();
        assert_eq!(settings, 28, "{all:?}");
        let default = timeless(parse(DEFAULT, "x.toml").unwrap());
        for text in [all.join("\n"), String::new()] {
            let capabilities = timeless(parse(&text, "x.toml").unwrap());
            assert_eq!((&capabilities.ways, &capabilities.limits), (&default.ways, &default.limits));
            assert_eq!((&capabilities.renderers, &capabilities.abilities), (&default.renderers, &default.abilities));
            assert!(capabilities == default, "{text}");
        }
    }

    #[test]
    fn a_file_says_what_is_offered() {
        let text = offered(
            "title = \"Duet\"\naddress = \"192.0.2.94\"\nport = 6000\n[stream]\nclock-rate = 48000\n\
             fmtp = \"cm_unused=X; guardtime=48000\"\n",
        );
        assert!(text.contains("s=Duet\r\n") && text.contains("m=audio 6000 RTP/AVP 96\r\n"), "{text}");
        assert!(text.contains("a=rtpmap:96 rtp-midi/48000\r\na=fmtp:96 cm_unused=X; guardtime=48000\r\n"), "{text}");
        let two = offered("[stream]\nmusicport = 5\nfmtp = \"cm_unused=X\"\nfmtp-taken = \"cm_unused=N\"\n");
        assert!(two.matches("m=audio").count() == 2 && two.contains("a=group:FID 1 2\r\n"), "{two}");
        let general = offered("profile = \"nmp\"\n[transport]\nprotocols = [\"RTP/SAVP\"]\ncrypto = [\"new\"]\n");
        assert!(general.contains("render=synthetic") && general.contains("a=crypto:1 AES_CM_128"), "{general}");
    }

    #[test]
    fn mistakes_have_their_place() {
        for (text, words_of_it) in [
            ("title = \"x\"\nprt = 5", "x.toml:2:1: unknown field `prt`"),
            ("port = 70000", "x.toml:1:8: "),
            ("payload-type = 128", "x.toml:1:16: a payload type is 0 to 127"),
            ("[stream]\nfmtp = \"cm_unused=X; j_update=soon\"", "x.toml:2:8: j_update=soon is not a value"),
            ("[accept]\njournals = [\"anchor\", \"some\"]", "x.toml:2:23: unknown variant `some`"),
            ("[accept]\nguardtime-ms = [9, 5]", "x.toml:2:16: limits are [from], or [from, to]"),
            ("[transport]\nprotocols = [\"RTP/AVX\"]", "x.toml:2:13: a protocol is "),
            ("[transport]\nprotocols = [\"RTP/SAVP\"]", "x.toml: RTP/SAVP is offered without a key"),
            ("[stream", "x.toml:1:"),
        ] {
            let told = words(text);
            assert!(told.starts_with(&format!("error: {words_of_it}")), "{told}");
        }
        assert!(words("x = 1").contains("hint: rtpmidi sdp offer --print-capabilities"));
    }
}
