//! A TCP proxy in front of the API server, for a network that misbehaves: it refuses, resets, hangs, delays, cuts
//! after some bytes, or answers fixed bytes itself, over TLS or in plain. Switched while connections are open.

use super::Plane;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does, to new connections and, where it makes sense, to open ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Network {
    /// Hands everything on.
    Fine,
    /// Nobody listens: new connections are refused, open ones are closed.
    Refuses,
    /// New and open connections are reset.
    Resets,
    /// Connections open, and nothing comes through, either way.
    Hangs,
    /// Every piece that the server sends comes this much later.
    Delays(Duration),
    /// A connection is closed once the server has sent this many bytes over it, TLS included.
    CutsAfter(usize),
    /// Not the API server answers, but somebody who sends these bytes to whatever he reads, without TLS.
    Answers(Vec<u8>),
    /// As [`Network::Answers`], over TLS with the API server's certificate.
    AnswersOverTls(Vec<u8>),
}

/// The network, and how many times open connections were told to end: a connection is of one age.
#[derive(Clone)]
struct Mode {
    network: Network,
    age: u32,
}

/// A running proxy; gone with the plane that it is in front of.
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    listening: watch::Receiver<bool>,
}

impl Proxy {
    /// A proxy that hands everything on, until told otherwise.
    pub fn before(plane: &Plane) -> Self {
        let port = super::processes::free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (mode, modes) = watch::channel(Mode {
            network: Network::Fine,
            age: 0,
        });
        let (listens, listening) = watch::channel(false);
        let server = SocketAddr::from(([127, 0, 0, 1], plane.api_port()));
        plane
            .runtime()
            .spawn(listen(address, server, plane.folder().to_owned(), modes, listens));
        let proxy = Self {
            address,
            mode,
            listening,
        };
        proxy.wait_until_listening(true);
        proxy
    }

    /// The address to put into a kubeconfig.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Changes the network, now.
    pub fn set(&self, network: Network) {
        let listens = network != Network::Refuses;
        self.mode.send_modify(|mode| {
            // Counted, because a connection that isn't quick enough would miss a short refusal.
            mode.age += u32::from(!listens);
            mode.network = network;
        });
        self.wait_until_listening(listens);
    }

    /// Closes all open connections; new ones are fine. What an idle load balancer does to a watch.
    pub fn cut(&self) {
        self.mode.send_modify(|mode| mode.age += 1);
    }

    fn wait_until_listening(&self, wanted: bool) {
        super::wait::wait_near("the proxy has switched", super::wait::DEADLINE, || {
            if *self.listening.borrow() == wanted {
                Ok(())
            } else {
                Err("not yet")
            }
        });
    }
}

async fn listen(
    address: SocketAddr,
    server: SocketAddr,
    folder: PathBuf,
    mut modes: watch::Receiver<Mode>,
    listens: watch::Sender<bool>,
) {
    loop {
        while modes.borrow_and_update().network == Network::Refuses {
            if modes.changed().await.is_err() {
                return;
            }
        }
        let Ok(listener) = TcpListener::bind(address).await else {
            return;
        };
        listens.send_replace(true);
        while modes.borrow_and_update().network != Network::Refuses {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((client, _)) = accepted {
                        tokio::spawn(serve(client, server, folder.clone(), modes.clone()));
                    }
                }
                changed = modes.changed() => if changed.is_err() { return },
            }
        }
        drop(listener);
        listens.send_replace(false);
    }
}

async fn serve(mut client: TcpStream, server: SocketAddr, folder: PathBuf, mut modes: watch::Receiver<Mode>) {
    let mode = modes.borrow_and_update().clone();
    match mode.network {
        Network::Refuses => {}
        Network::Resets => reset(client),
        Network::Answers(bytes) => {
            // Whatever the client says first, so that the answer isn't lost in a reset.
            let _ = client.read(&mut [0; 4096]).await;
            let _ = client.write_all(&bytes).await;
            let _ = client.shutdown().await;
        }
        Network::AnswersOverTls(bytes) => {
            if let Ok(client) = client.into_std() {
                let _ = tokio::task::spawn_blocking(move || answer_over_tls(client, &bytes, &folder)).await;
            }
        }
        Network::Fine | Network::Hangs | Network::Delays(_) | Network::CutsAfter(_) => {
            if let Ok(server) = TcpStream::connect(server).await {
                Box::pin(hand_on(client, server, modes, mode.age)).await;
            }
        }
    }
}

/// Hands bytes on both ways, under whatever network there is at the time.
async fn hand_on(mut client: TcpStream, mut server: TcpStream, mut modes: watch::Receiver<Mode>, age: u32) {
    let (mut from_client, mut from_server) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut sent = 0;
    loop {
        let Mode { network, age: now } = modes.borrow_and_update().clone();
        match network {
            _ if now != age => return,
            Network::Fine | Network::Delays(_) | Network::CutsAfter(_) => {}
            Network::Resets => return reset(client),
            Network::Hangs => {
                if modes.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Network::Refuses | Network::Answers(_) | Network::AnswersOverTls(_) => return,
        }
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(0) | Err(_) => return,
                Ok(length) => if server.write_all(&from_client[..length]).await.is_err() { return },
            },
            read = server.read(&mut from_server) => {
                let Ok(mut length @ 1..) = read else { return };
                if let Network::Delays(delay) = network {
                    tokio::time::sleep(delay).await;
                }
                if let Network::CutsAfter(limit) = network {
                    length = length.min(limit.saturating_sub(sent));
                }
                if length == 0 || client.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
                sent += length;
            }
            changed = modes.changed() => if changed.is_err() { return },
        }
    }
}

/// Closes with RST instead of FIN.
fn reset(client: TcpStream) {
    let _ = client.set_zero_linger();
}

fn answer_over_tls(mut client: std::net::TcpStream, bytes: &[u8], folder: &std::path::Path) -> Option<()> {
    client.set_nonblocking(false).ok()?;
    client.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let certificate = CertificateDer::from_pem_file(folder.join("server.crt")).ok()?;
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).ok()?;
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .ok()?;
    let mut connection = rustls::ServerConnection::new(Arc::new(config)).ok()?;
    let mut tls = rustls::Stream::new(&mut connection, &mut client);
    // Whatever the client asks for first.
    let _heard = tls.read(&mut [0; 4096]).ok()?;
    tls.write_all(bytes).ok()?;
    tls.conn.send_close_notify();
    tls.flush().ok()
}
