//! What sessions take of another configuration while they go on: who may join, who is called, and who becomes a port.

use std::time::Duration;

use super::{News, Sessions};
use crate::cmd::bridge::bay::Bay;
use crate::cmd::bridge::config::Config;
use crate::cmd::session::admission;

impl Sessions {
    /// Takes it. Who takes part stays, also if he might not join now; who was called and is not to be any more stays as
    /// long as somebody is connected with him.
    pub(crate) fn adopt(&mut self, at: Duration, bay: &mut Bay, new: &Config) -> Vec<News> {
        self.config.admit.clone_from(&new.admit);
        self.config.peers.clone_from(&new.peers);
        self.config.import.clone_from(&new.import);
        self.config.ignore.clone_from(&new.ignore);
        let further = self.config.sessions.iter().map(|session| session.admit.as_ref());
        for (own, admit) in self.own.iter_mut().zip(std::iter::once(None).chain(further)) {
            own.admit.clone_from(admit.unwrap_or(&new.admit));
            own.open.end.set_admission(admission(&own.admit, &[]));
        }
        for export in self.exports.values() {
            export.open.end.set_admission(admission(&new.admit, &[]));
        }
        for guest in self.guests.values_mut() {
            guest.is_fixed = false;
        }
        let mut news = self.call_the_fixed(at, bay);
        news.extend(self.let_go());
        // Those who are announced may join as neighbours do, and are let in again here.
        news.extend(self.sight(at, bay));
        news
    }

    /// Takes away the ports of those who would not get one now, unless somebody has ever used them.
    fn let_go(&mut self) -> Vec<News> {
        let is_welcome = |name: &str| self.config.imports(name);
        let of_nobody = self.guests.iter().filter(|(_, guest)| {
            !guest.is_known && !guest.is_bound() && guest.participant.is_none() && !is_welcome(&guest.name)
        });
        let ports: Vec<_> = of_nobody.map(|(port, _)| *port).collect();
        for port in &ports {
            self.guests.remove(port);
        }
        ports.into_iter().map(News::Forgotten).collect()
    }
}
