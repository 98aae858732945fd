//! `--admit ask`: somebody at the terminal decides who may take part.
//!
//! A host is asked about once: the answer holds for all that comes from its address, as long as this program runs.
//! Whoever is kept waiting has given up after a quarter of a minute or so, and comes again.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use applemidi_io::{Admission, ParticipantId, Verdict};

use crate::description::printable;
use crate::failure::{Failure, Result};

/// Asks, one question after the other.
pub(super) struct Asker<P = ParticipantId> {
    /// Who need not be asked about.
    admitted: Admission,
    terminal: Box<dyn Write>,
    /// What is typed, line by line.
    lines: Receiver<String>,
    /// How long an answer may take.
    patience: Duration,
    decided: HashMap<IpAddr, Decision>,
    /// The first one is asked now, since then.
    questions: VecDeque<Question<P>>,
    asked: Option<Instant>,
}

/// What becomes of somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    Admit,
    Reject,
}

struct Question<P> {
    host: IpAddr,
    who: String,
    /// The latest of those who ask from there.
    participant: P,
}

/// Questions that may wait.
const WAITING: usize = 16;

/// Answers that are remembered.
const REMEMBERED: usize = 4096;

impl<P: Copy> Asker<P> {
    /// Asks on the terminal that this program was started from, whatever stdin and stdout are.
    pub(super) fn on_terminal(admitted: Admission, patience: Duration) -> Result<Self> {
        let none = |error: std::io::Error| {
            Failure::new(format!("--admit ask has no terminal to ask on: {error}"))
                .hint("name who may join instead: --admit neighbours, or a network as 192.0.2.0/24")
        };
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(none)?;
        let keys = terminal.try_clone().map_err(none)?;
        let (sender, lines) = channel();
        let read = move || read(keys, |line| sender.send(line).is_ok());
        std::thread::Builder::new().name("ask".to_owned()).spawn(read).map_err(none)?;
        Ok(Self::new(admitted, Box::new(terminal), lines, patience))
    }

    fn new(admitted: Admission, terminal: Box<dyn Write>, lines: Receiver<String>, patience: Duration) -> Self {
        let (decided, questions) = (HashMap::new(), VecDeque::new());
        Self { admitted, terminal, lines, patience, decided, questions, asked: None }
    }

    /// Who need not be asked about from now on.
    pub(super) fn admit(&mut self, admitted: Admission) {
        self.admitted = admitted;
    }

    /// Somebody wants to take part. What is decided already is returned; otherwise there is a question, which is new or
    /// not.
    pub(super) fn take(&mut self, participant: P, who: &str, control: SocketAddr) -> Option<Decision> {
        let host = control.ip().to_canonical();
        if self.admitted.judge(control) == Verdict::Admit {
            return Some(Decision::Admit);
        }
        if let Some(decision) = self.decided.get(&host) {
            return Some(*decision);
        }
        if let Some(question) = self.questions.iter_mut().find(|question| question.host == host) {
            question.participant = participant;
            return None;
        }
        if self.questions.len() == WAITING {
            return Some(Decision::Reject);
        }
        self.questions.push_back(Question { host, who: who.to_owned(), participant });
        None
    }

    /// Asks what is to be asked, and returns what somebody has decided.
    pub(super) fn turn(&mut self, now: Instant) -> Option<(P, Decision)> {
        let Some(question) = self.questions.front() else {
            // What is typed while nobody asks is no answer.
            while self.lines.try_recv().is_ok() {}
            return None;
        };
        let Some(asked) = self.asked else {
            let seconds = self.patience.as_secs();
            let words =
                format!("{} ({}) wants to take part. Admit? y or n, within {seconds} s: ", question.who, question.host);
            self.say(&printable(&words));
            self.asked = Some(now);
            return None;
        };
        let decision = match self.lines.try_recv().as_deref().map(str::trim) {
            Ok("y" | "Y" | "yes") => Some(Decision::Admit),
            Ok("n" | "N" | "no") => Some(Decision::Reject),
            Ok(_) => {
                self.say("y or n: ");
                return None;
            }
            Err(_) if now.saturating_duration_since(asked) < self.patience => return None,
            Err(_) => None,
        };
        let question = self.questions.pop_front()?;
        self.asked = None;
        match decision {
            Some(decision) if self.decided.len() < REMEMBERED => drop(self.decided.insert(question.host, decision)),
            Some(_) => {}
            None => self.say("no answer: not admitted\n"),
        }
        Some((question.participant, decision.unwrap_or(Decision::Reject)))
    }

    fn say(&mut self, words: &str) {
        // A terminal that is gone gives no answers either.
        let _ = self.terminal.write_all(words.as_bytes()).and_then(|()| self.terminal.flush());
    }
}

fn read(keys: File, mut take: impl FnMut(String) -> bool) {
    for line in BufReader::new(keys).lines() {
        let is_wanted = line.is_ok_and(&mut take);
        if !is_wanted {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::Sender;
    use std::sync::{Arc, Mutex};

    const SECOND: Duration = Duration::from_secs(1);

    /// What a terminal shows.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(octets)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn asker() -> (Asker<u32>, Sender<String>, Screen) {
        let ((sender, lines), screen) = (channel(), Screen::default());
        let admitted = Admission::List(vec!["198.51.100.0/24".parse().unwrap()]);
        (Asker::new(admitted, Box::new(screen.clone()), lines, 60 * SECOND), sender, screen)
    }

    fn at(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 5004).into()
    }

    #[test]
    fn a_host_is_asked_about_once() {
        let ((mut asker, keys, screen), now) = (asker(), Instant::now());
        keys.send("y".to_owned()).unwrap();
        assert_eq!(asker.turn(now), None, "what was typed before is no answer");
        assert_eq!((asker.take(1, "Piano", at(1)), asker.take(2, "Organ\x1b[2J", at(2))), (None, None));
        assert_eq!((asker.turn(now), asker.turn(now)), (None, None));
        // It has given up, and comes again.
        assert_eq!(asker.take(3, "Piano", at(1)), None);
        for (typed, decision) in
            [("what?", None), (" y ", Some((3, Decision::Admit))), ("", None), ("no", Some((2, Decision::Reject)))]
        {
            keys.send(typed.to_owned()).unwrap();
            assert_eq!(asker.turn(now), decision, "{typed}");
            // The next question is put.
            assert!(decision.is_none() || asker.turn(now).is_none());
        }
        assert_eq!(asker.take(4, "Piano", at(1)), Some(Decision::Admit));
        assert_eq!(asker.take(5, "Organ", at(2)), Some(Decision::Reject));
        let text = screen.text();
        assert!(text.starts_with("Piano (192.0.2.1) wants to take part. Admit? y or n, within 60 s: "), "{text}");
        assert!(text.contains("Organ") && !text.contains('\x1b'), "{text}");
    }

    #[test]
    fn who_gets_no_answer_is_not_admitted_and_may_be_asked_about_again() {
        let ((mut asker, _keys, screen), now) = (asker(), Instant::now());
        asker.take(1, "Piano", at(1));
        assert_eq!((asker.turn(now), asker.turn(now + 59 * SECOND)), (None, None));
        assert_eq!(asker.turn(now + 60 * SECOND), Some((1, Decision::Reject)));
        assert!(screen.text().ends_with("no answer: not admitted\n"));
        assert_eq!(asker.take(2, "Piano", at(1)), None);
    }

    #[test]
    fn nobody_asks_about_whom_the_networks_name_or_about_crowds() {
        let (mut asker, _keys, _screen) = asker();
        assert_eq!(asker.take(1, "Friend", ([198, 51, 100, 7], 5004).into()), Some(Decision::Admit));
        let asked = (0..100).filter(|host| asker.take(2, "Crowd", at(*host)).is_none()).count();
        assert_eq!(asked, WAITING);
    }
}
