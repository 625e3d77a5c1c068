//! SPDY/3.1 frames, as many kinds as a port-forward has: <https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/>.
//!
//! Header blocks are deflate streams, one a direction. Ours is of stored blocks; the peer's says nothing we need, and is skipped.

use std::io;

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// More than any that comes: runtimes copy in pieces of 32 KiB.
const LONGEST: usize = 1 << 20;
/// What one frame of ours carries at most.
pub(super) const PIECE: usize = 16 * 1024;

const VERSION: u16 = 0x8003;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const FIN: u8 = 1;
const CANCEL: u32 = 5;

/// The beginning of a deflate stream in zlib's format that goes by SPDY's dictionary, with the dictionary's checksum.
const ZLIB: [u8; 6] = [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2];

/// A frame that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A stream of ours was taken.
    Reply(u32),
    /// A stream was broken off.
    Reset(u32),
    /// A piece of a stream, and whether it is the last.
    Data(u32, Bytes, bool),
    /// To be sent back as it is.
    Ping(u32),
    /// No new streams are taken.
    GoAway,
    /// One that doesn't matter here.
    Other,
}

/// Reads the next frame.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let (word, rest) = (from.read_u32().await?, from.read_u32().await?);
    let (flags, length) = ((rest >> 24) as u8, (rest & 0x00ff_ffff) as usize);
    if length > LONGEST {
        return Err(io::Error::other(format!("a frame of {length} bytes came")));
    }
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await?;
    if word >> 31 == 0 {
        return Ok(Frame::Data(word, payload.into(), flags & FIN != 0));
    }
    let number = payload
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff);
    Ok(match (word as u16, number) {
        (SYN_REPLY, Some(id)) => Frame::Reply(id),
        (RST_STREAM, Some(id)) => Frame::Reset(id),
        (PING, Some(id)) => Frame::Ping(id),
        (GOAWAY, _) => Frame::GoAway,
        _ => Frame::Other,
    })
}

/// Opens a stream; `first` of the connection, `last` when nothing will be sent on it.
pub(super) fn open(id: u32, headers: &[(&str, &str)], first: bool, last: bool) -> Vec<u8> {
    let mut block = (headers.len() as u32).to_be_bytes().to_vec();
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        block.extend((text.len() as u32).to_be_bytes());
        block.extend(text.as_bytes());
    }
    let mut payload = id.to_be_bytes().to_vec();
    // No stream that it belongs to, the highest priority, no slot.
    payload.extend([0; 6]);
    if first {
        payload.extend(ZLIB);
    }
    // One stored block, and an empty one: the peer's reader goes no further than to where a block begins.
    for stored in [block.as_slice(), &[]] {
        let length = stored.len() as u16;
        payload.push(0);
        payload.extend(length.to_le_bytes());
        payload.extend((!length).to_le_bytes());
        payload.extend(stored);
    }
    control(SYN_STREAM, if last { FIN } else { 0 }, &payload)
}

/// A piece of a stream, of [`PIECE`] bytes at most.
pub(super) fn data(id: u32, bytes: &[u8], last: bool) -> Vec<u8> {
    let mut frame = id.to_be_bytes().to_vec();
    end(&mut frame, if last { FIN } else { 0 }, bytes);
    frame
}

/// Breaks a stream off.
pub(super) fn cancel(id: u32) -> Vec<u8> {
    let payload: Vec<u8> = [id, CANCEL].into_iter().flat_map(u32::to_be_bytes).collect();
    control(RST_STREAM, 0, &payload)
}

/// Answers a ping.
pub(super) fn pong(id: u32) -> Vec<u8> {
    control(PING, 0, &id.to_be_bytes())
}

fn control(kind: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame: Vec<u8> = [VERSION, kind].into_iter().flat_map(u16::to_be_bytes).collect();
    end(&mut frame, flags, payload);
    frame
}

fn end(frame: &mut Vec<u8>, flags: u8, payload: &[u8]) {
    let rest = u32::from(flags) << 24 | payload.len() as u32;
    frame.extend(rest.to_be_bytes());
    frame.extend(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_now(bytes: &[u8]) -> io::Result<Frame> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(read(&mut &bytes[..]))
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(
            read_now(&data(7, b"abc", true)).unwrap(),
            Frame::Data(7, "abc".into(), true)
        );
        assert_eq!(
            read_now(&data(7, b"", false)).unwrap(),
            Frame::Data(7, Bytes::new(), false)
        );
        assert_eq!(read_now(&cancel(9)).unwrap(), Frame::Reset(9));
        assert_eq!(read_now(&pong(2)).unwrap(), Frame::Ping(2));
        assert_eq!(
            read_now(&control(SYN_REPLY, 0, &[0, 0, 0, 3, 1, 2])).unwrap(),
            Frame::Reply(3)
        );
        assert_eq!(read_now(&control(GOAWAY, 0, &[0; 8])).unwrap(), Frame::GoAway);
        assert_eq!(read_now(&control(4, 0, &[0; 4])).unwrap(), Frame::Other);
    }

    #[test]
    fn a_frame_that_ends_early_or_is_too_long_is_an_error() {
        let frame = data(7, b"abc", true);
        assert_eq!(read_now(&frame[..10]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let endless = read_now(&[0, 0, 0, 7, 0, 0xff, 0xff, 0xff]).unwrap_err();
        assert_eq!(endless.to_string(), "a frame of 16777215 bytes came");
        // A reset of nothing.
        assert_eq!(read_now(&control(RST_STREAM, 0, &[])).unwrap(), Frame::Other);
    }

    #[test]
    fn the_header_block_is_stored_after_the_beginning_of_its_stream() {
        let frame = open(1, &[("port", "80")], true, true);
        assert_eq!(frame[..8], [0x80, 3, 0, 1, FIN, 0, 0, 10 + 6 + 5 + 18 + 5]);
        assert_eq!(frame[18..24], ZLIB);
        assert_eq!(frame[24..29], [0, 18, 0, 0xed, 0xff]);
        assert_eq!(frame[29..47], *b"\0\0\0\x01\0\0\0\x04port\0\0\0\x0280");
        assert_eq!(frame[47..], [0, 0, 0, 0xff, 0xff]);
        assert_eq!(open(3, &[("port", "80")], false, false).len(), frame.len() - ZLIB.len());
    }
}
