//! An RTSP server made by hand (RFC 2326), which has whatever description a test wants, and one note to play.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The server; it serves as long as the test runs.
pub(crate) struct Handmade {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Handmade {
    /// A server whose one stream has this media description, below `m=`.
    pub(crate) fn start(media: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap().to_string(), Arc::<Mutex<Vec<String>>>::default());
        let description = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Test\r\nt=0 0\r\na=control:*\r\nm=audio 0 RTP/AVP 96\r\n\
             c=IN IP4 0.0.0.0\r\na=control:one\r\n{media}"
        );
        let methods = asked.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (description, methods) = (description.clone(), methods.clone());
                std::thread::spawn(move || serve(client, &description, &methods));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("rtsp://{}/x", self.address)
    }

    /// The methods of all requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Answers the requests of a client until it leaves.
fn serve(mut client: TcpStream, description: &str, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut requests = BufReader::new(client.try_clone().ok()?);
    loop {
        let (mut method, mut number, mut line) = (String::new(), String::new(), String::new());
        // RTCP of the client comes in the same connection, with a length.
        while requests.fill_buf().ok()?.first() == Some(&b'$') {
            let length = requests.buffer().get(2..4).map(|octets| u16::from_be_bytes([octets[0], octets[1]]))?;
            requests.consume(4 + usize::from(length));
        }
        while requests.read_line(&mut line).ok()? > 2 {
            if method.is_empty() {
                line.split(' ').next()?.clone_into(&mut method);
            }
            if let Some(found) = line.strip_prefix("CSeq: ") {
                found.trim().clone_into(&mut number);
            }
            line.clear();
        }
        if method.is_empty() {
            return None;
        }
        asked.lock().unwrap().push(method.clone());
        let more = match method.as_str() {
            "DESCRIBE" => {
                format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{description}", description.len())
            }
            "SETUP" => "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n".to_owned(),
            _ => "\r\n".to_owned(),
        };
        client.write_all(format!("RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: 1\r\n{more}").as_bytes()).ok()?;
        if method == "PLAY" {
            play(&client)?;
        }
    }
}

/// A note on and off, without a journal, and then a goodbye.
fn play(mut client: &TcpStream) -> Option<()> {
    for (number, command) in [(1_u8, [0x90, 60, 120]), (2, [0x80, 60, 64])] {
        let time = u32::from(number) * 22_050;
        let packet = [&[0x80, 0xE0, 0, number][..], &time.to_be_bytes(), &[0, 0, 0, 7, 3], &command].concat();
        frame(client, 0, &packet)?;
        std::thread::sleep(Duration::from_millis(500));
    }
    frame(client, 1, &[0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7])?;
    client.flush().ok()
}

fn frame(mut client: &TcpStream, channel: u8, packet: &[u8]) -> Option<()> {
    client.write_all(&[&[b'$', channel, 0, packet.len() as u8], packet].concat()).ok()
}
