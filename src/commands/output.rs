//! Writing to standard output and error; somebody who stops reading (`| head`) is no error.

use std::io::{self, Write};

use crate::error::{Error, ErrorKind, Result};

/// Writes a result to standard output.
///
/// # Errors
/// [`ErrorKind::Output`] where it can't be written, a full disk for example. A reader that went away is not an error.
pub fn print(text: &str) -> Result<()> {
    print_to_reader(text).map(|_| ())
}

/// As [`print()`]; false where nobody reads any more, for whoever would go on for ever.
///
/// # Errors
/// As [`print()`].
pub fn print_to_reader(text: &str) -> Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::new(
            ErrorKind::Output,
            format!("failed to write to standard output: {error}"),
        )
        .because(error)),
    }
}

/// Writes a message to standard error; there is nowhere to say that this failed.
pub fn complain(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
