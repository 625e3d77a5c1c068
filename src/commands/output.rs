//! Writing to standard output and error; somebody who stops reading (`| head`) is no error.

use std::io::{self, Write};

use crate::error::{Error, ErrorKind, Result};

/// Writes a result to standard output.
///
/// # Errors
/// [`ErrorKind::Output`] where it can't be written, a full disk for example. A reader that went away is not an error.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
            ErrorKind::Output,
            format!("failed to write to standard output: {error}"),
        )
        .because(error)),
        _ => Ok(()),
    }
}

/// Writes a message to standard error; there is nowhere to say that this failed.
pub fn complain(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
