//! A name server of the test's own, on loopback over TCP and UDP: one that is out of date, broken or silent.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

/// What it says to a question for addresses.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These addresses, to be kept for no time.
    Addresses(Vec<Ipv4Addr>),
    /// There is no such name.
    NxDomain,
    /// There is such a name, without an address.
    NoData,
    /// It can't tell.
    ServFail,
    /// Nothing at all.
    Silence,
}

/// The server. It runs until the test process ends.
pub struct NameServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    replies: Replies,
}

type Replies = Arc<Mutex<BTreeMap<String, Reply>>>;

impl NameServer {
    /// A server that knows no name yet.
    pub fn start() -> Self {
        let (tcp, udp) = std::iter::repeat_with(|| {
            let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
            let udp = UdpSocket::bind(tcp.local_addr().expect("an address"));
            (tcp, udp)
        })
        .find_map(|(tcp, udp)| Some((tcp, udp.ok()?)))
        .expect("a port that is free for both");
        let port = tcp.local_addr().expect("an address").port();
        let replies = Replies::default();
        let known = Arc::clone(&replies);
        std::thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                let known = Arc::clone(&known);
                std::thread::spawn(move || converse(stream, &known));
            }
        });
        let known = Arc::clone(&replies);
        std::thread::spawn(move || {
            let mut question = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut question) {
                if let Some(answer) = answer(&question[..length], &known) {
                    let _ = udp.send_to(&answer, from);
                }
            }
        });
        Self { port, replies }
    }

    /// What it says about a name (without a trailing dot) from now on.
    pub fn says(&self, name: &str, reply: Reply) {
        let mut replies = self.replies.lock().expect("the replies");
        replies.insert(name.to_owned(), reply);
    }
}

fn converse(mut stream: TcpStream, known: &Replies) {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut question = vec![0; u16::from_be_bytes(length).into()];
        if stream.read_exact(&mut question).is_err() {
            return;
        }
        if let Some(answer) = answer(&question, known) {
            let framed = [&(answer.len() as u16).to_be_bytes(), &answer[..]].concat();
            if stream.write_all(&framed).is_err() {
                return;
            }
        }
    }
}

/// The message for a question (RFC 1035, section 4), without the additional records that came with it.
fn answer(question: &[u8], known: &Replies) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    while let Some(length) = question.get(at).copied().map(usize::from).filter(|length| *length > 0) {
        labels.push(String::from_utf8_lossy(question.get(at + 1..at + 1 + length)?).to_lowercase());
        at += 1 + length;
    }
    let asked = question.get(12..at + 5)?;
    let reply = known.lock().expect("the replies").get(&labels.join(".")).cloned();
    let (code, addresses) = match reply.unwrap_or(Reply::NxDomain) {
        Reply::Addresses(addresses) => (0, addresses),
        Reply::NoData => (0, Vec::new()),
        Reply::ServFail => (2, Vec::new()),
        Reply::NxDomain => (3, Vec::new()),
        Reply::Silence => return None,
    };
    let mut message = question.get(..2)?.to_vec();
    message.extend([0x81, 0x80 | code, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    message.extend(asked);
    for address in addresses {
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        message.extend(address.octets());
    }
    Some(message)
}
