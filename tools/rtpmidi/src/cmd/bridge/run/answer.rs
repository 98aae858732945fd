//! What the bridge is asked for while it runs.

use std::sync::mpsc::Sender;
use std::time::Duration;

use midi_routing::PortId;

use super::Bridge;
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::passage::Passage;
use crate::cmd::bridge::request::{Reply, Request};
use crate::cmd::bridge::status::{Origin, Status};
use crate::failure::Failure;

impl Bridge<'_> {
    /// Does what somebody asks for, and answers.
    pub(super) fn answer(&mut self, request: Request, reply: &Sender<Reply>) {
        let answer = match request {
            Request::Status => Reply::Status(Box::new(self.status())),
            Request::Connect { from, to, filter } => {
                let reply = self.connect(&from, &to, filter.as_ref());
                self.patch.sift(self.started.elapsed(), &mut self.bay);
                reply
            }
            Request::Record { from, to, path: Some(path), every_s } => {
                self.record(&from, to.as_deref(), &path, every_s)
            }
            Request::Record { from, to, path: None, .. } => {
                self.stop_recording(&from, to.as_deref(), Some(reply));
                return;
            }
            Request::Port { name, settings } => match self.bay.find(&name) {
                Some(port) => {
                    self.bay.say(port, &settings);
                    self.memory.hurry();
                    Reply::Done
                }
                None => Reply::Refused(format!("there is no port {name}")),
            },
            Request::Disconnect { from, to } => {
                let has_been_remembered = self.memory.disconnect(&from, &to);
                match self.with(&from, &to, Bay::disconnect) {
                    // One of them is not there now.
                    Reply::Refused(_) if has_been_remembered => Reply::Done,
                    reply => reply,
                }
            }
            Request::Mute { from, to, muted } => {
                let reply = self.with(&from, &to, |bay, at, from, to| bay.mute(at, from, to, muted));
                if reply == Reply::Done {
                    self.memory.mute(&from, &to, muted);
                }
                reply
            }
            Request::Forget { port } => self.forget(&port),
            Request::Panic => {
                self.bay.panic(self.started.elapsed());
                Reply::Done
            }
            Request::Reload => self.reload().map_or_else(Reply::Refused, Reply::Read),
        };
        // Who has asked may be gone.
        let _ = reply.send(answer);
    }

    fn connect(&mut self, from: &str, to: &str, filter: Option<&Passage>) -> Reply {
        let mut is_by_hand = false;
        let reply = self.with(from, to, |bay, at, from, to| {
            bay.restore(from, to);
            let is_done = bay.connect(from, to, Origin::Hand);
            is_by_hand = bay.origin(from, to) == Some(&Origin::Hand);
            filter.is_none_or(|filter| bay.set_passage(at, from, to, filter)) && is_done
        });
        if is_by_hand {
            self.memory.connect(from, to);
        }
        if let Some(filter) = filter.filter(|_| reply == Reply::Done) {
            self.memory.filter(from, to, filter);
        }
        reply
    }

    fn forget(&mut self, name: &str) -> Reply {
        let Some(port) = self.bay.find(name) else { return Reply::Refused(format!("there is no port {name}")) };
        match self.sessions.forget(port).map(|news| self.hear_of_guests(vec![news])) {
            Ok(Ok(())) => Reply::Done,
            Ok(Err(failure)) => Reply::Refused(failure.message().to_owned()),
            Err(reason) => Reply::Refused(format!("{name} stays: {reason}")),
        }
    }

    /// Does something with a connection between two ports; it is refused where that cannot be done.
    fn with(&mut self, from: &str, to: &str, act: impl FnOnce(&mut Bay, Duration, PortId, PortId) -> bool) -> Reply {
        let (source, sink) = (self.bay.find(from), self.bay.find(to));
        let (Some(source), Some(sink)) = (source, sink) else {
            let missing = if source.is_none() { from } else { to };
            return Reply::Refused(format!("there is no port {missing}"));
        };
        let is_done = act(&mut self.bay, self.started.elapsed(), source, sink);
        self.want(source);
        self.want(sink);
        if is_done { Reply::Done } else { Reply::Refused(format!("{from} and {to} are not connected")) }
    }

    fn status(&self) -> Status {
        Status {
            name: self.config.name.clone(),
            port: Some(self.sessions.port()),
            uptime_s: self.started.elapsed().as_secs_f64(),
            real_time: self.is_in_real_time,
            cpu_latency_us: self.config.cpu_latency.filter(|_| self.cpu_latency.is_some()),
            ports: self.bay.ports(),
            connections: self.bay.connections(),
            peers: self.sessions.status(&self.bay),
            warnings: self.warnings.iter().cloned().collect(),
        }
    }

    /// Reads again what the bridge is to be; what cannot be read changes nothing. Returns what a person should know, or why
    /// it could not be read.
    pub(super) fn reload(&mut self) -> Result<Vec<String>, String> {
        let as_it_was = |failure: Failure| format!("{}: all stays as it was", failure.message());
        let (config, mut words) = (self.load)().map_err(as_it_was)?;
        let later = self.config.later(&config).join(", ");
        if !later.is_empty() {
            words.push(format!("{later}: other than before, which counts when the bridge is started again"));
        }
        for words in &words {
            self.remind(words);
        }
        let news = self.sessions.adopt(self.started.elapsed(), &mut self.bay, &config);
        self.hear_of_guests(news).map_err(|failure| failure.message().to_owned())?;
        self.adopt_devices(&config.devices).map_err(|failure| failure.message().to_owned())?;
        self.patch.set_rules(config.rules.clone(), config.connections.clone());
        self.bay.set_written(config.ports.clone());
        // What was said of ports may count no more.
        self.memory.touch();
        if self.config.cpu_latency != config.cpu_latency {
            self.config.cpu_latency = config.cpu_latency;
            self.limit_cpu_latency();
        }
        self.config.devices = config.devices;
        self.config.rules = config.rules;
        self.config.connections = config.connections;
        self.config.ports = config.ports;
        self.config.recordings = config.recordings;
        // Other ones may be for ports that are there.
        self.recorded_at = 0;
        Ok(words)
    }
}
