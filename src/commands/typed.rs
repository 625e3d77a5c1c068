//! A line typed on standard input, read byte by byte: what comes after it is left for whoever reads next, a child for example.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;

use super::output::complain;

/// The longest line that is taken; a device without an end is no answer.
const LONGEST: usize = 4096;

/// Asks, and reads the answer; none at the end of the input. The question stays on its line.
///
/// # Errors
/// Where standard input can't be read.
pub fn line(question: &str) -> io::Result<Option<String>> {
    complain(question);
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    read(&mut input)
}

fn read(input: &mut impl Read) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while bytes.len() < LONGEST {
        match input.read(&mut byte) {
            Ok(0) if bytes.is_empty() => return Ok(None),
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => bytes.extend(byte),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_and_what_follows_is_left() {
        let mut input: &[u8] = b"2\nyes\nlast";
        assert_eq!(read(&mut input).unwrap().as_deref(), Some("2"));
        assert_eq!(input, b"yes\nlast");
        assert_eq!(read(&mut input).unwrap().as_deref(), Some("yes"));
        assert_eq!(read(&mut input).unwrap().as_deref(), Some("last"));
        assert_eq!(read(&mut input).unwrap(), None);
        assert_eq!(read(&mut io::repeat(b'y')).unwrap().unwrap().len(), LONGEST);
    }
}
