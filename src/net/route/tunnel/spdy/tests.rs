//! What no control plane does at a test's wish: frames in another order, and ends without a word. The rest is in tests/it.

use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

use super::*;
use crate::net::port_forward::Broken;

const ENOUGH: usize = 64 * 1024;

fn control(kind: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0x80, 3, 0, kind, 0, 0, 0, payload.len() as u8];
    [&head, payload].concat()
}

fn reply(id: u32) -> Vec<u8> {
    control(2, &id.to_be_bytes())
}

fn go_away() -> Vec<u8> {
    control(7, &[0; 8])
}

/// A tunnel, and its other end.
fn tunnel() -> (Arc<Tunnel>, DuplexStream) {
    let (ours, theirs) = duplex(ENOUGH);
    (Arc::new(Tunnel::over("db-0", ours)), theirs)
}

/// What a connection ends with, when the kubelet says this.
async fn ends_with(frames: &[Vec<u8>]) -> io::Result<Vec<u8>> {
    let (tunnel, mut kubelet) = tunnel();
    kubelet.write_all(&frames[0]).await?;
    let (opened, rest) = tokio::join!(tunnel.open(80), async {
        kubelet.write_all(&frames[1..].concat()).await?;
        io::Result::Ok(())
    });
    rest?;
    let mut stream = opened.map_err(io::Error::other)?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await?;
    Ok(all)
}

/// The kubelet's first frames, before a connection is opened, are for nobody: a ping stands there.
fn nothing() -> Vec<u8> {
    control(6, &[0, 0, 0, 2])
}

#[tokio::test]
async fn words_about_the_port_count_even_when_they_come_before_the_answer() {
    let words = frame::data(1, b" connection refused ", false);
    let frames = [nothing(), words, frame::cancel(3), frame::cancel(1), reply(3)];
    let error = ends_with(&frames).await.expect_err("an end");
    let broken = error.get_ref().and_then(|inner| inner.downcast_ref::<Broken>());
    assert_eq!(broken, Some(&Broken::Port("connection refused".to_owned())));
}

#[tokio::test]
async fn an_end_is_one_only_when_both_streams_have_ended() {
    let (data, end) = (frame::data(3, b"abc", true), frame::data(1, b"", true));
    let whole = ends_with(&[nothing(), reply(3), data.clone(), end.clone()]).await;
    assert_eq!(whole.expect("an answer"), b"abc");
    let error = ends_with(&[nothing(), reply(3), end, frame::cancel(3)]).await;
    assert_eq!(error.expect_err("an end").kind(), io::ErrorKind::ConnectionReset);
    let error = ends_with(&[nothing(), reply(3), data, frame::data(1, b"reset by peer", true)]).await;
    assert_eq!(error.expect_err("an end").to_string(), "reset by peer");
}

#[tokio::test]
async fn a_kubelet_that_ends_the_tunnel_ends_what_it_carries_and_no_more_is_opened() {
    let frames = [nothing(), reply(3), go_away()];
    let error = ends_with(&frames).await.expect_err("an end");
    let words = "the port-forward to pod/db-0 broke: the kubelet ended it".to_owned();
    let broken = error.get_ref().and_then(|inner| inner.downcast_ref::<Broken>());
    assert_eq!(broken, Some(&Broken::Way(words.clone())));

    let (tunnel, mut kubelet) = tunnel();
    kubelet.write_all(&go_away()).await.expect("a tunnel");
    assert_eq!(tunnel.open(80).await.err(), Some(words.clone()));
    assert_eq!(tunnel.open(80).await.err(), Some(words));
}

#[tokio::test]
async fn a_closed_connection_is_said_and_one_given_up_opens_nothing() {
    let (closed, kubelet) = tunnel();
    drop(kubelet);
    // Whoever notices first says it: who reads, or who writes.
    let words = closed.open(80).await.err().expect("an end");
    let ends =
        ["the connection was closed", "broken pipe"].map(|end| format!("the port-forward to pod/db-0 broke: {end}"));
    assert!(ends.contains(&words), "{words}");
    let (tunnel, _kubelet) = tunnel();
    tunnel.give_up("no answer");
    assert_eq!(tunnel.open(80).await.err().as_deref(), Some("no answer"));
}

#[tokio::test]
async fn each_connection_has_two_streams_of_its_own_and_is_cancelled_when_it_is_let_go() {
    let (tunnel, mut kubelet) = tunnel();
    let (first, second) = tokio::join!(tunnel.open(80), async {
        kubelet
            .write_all(&[reply(3), reply(7)].concat())
            .await
            .expect("a tunnel");
        tunnel.open(80).await
    });
    drop((first.expect("a connection"), second.expect("a connection")));
    kubelet.write_all(&nothing()).await.expect("a tunnel");
    let mut seen = Vec::new();
    while seen.last() != Some(&Frame::Ping(2)) {
        seen.push(frame::read(&mut kubelet).await.expect("a frame"));
    }
    // Four streams are opened, two cancelled, and a ping is answered.
    let expected = [
        Frame::Other,
        Frame::Other,
        Frame::Other,
        Frame::Other,
        Frame::Reset(3),
        Frame::Reset(7),
        Frame::Ping(2),
    ];
    assert_eq!(seen, expected);
}
