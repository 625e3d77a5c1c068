//! Reading what Kubernetes writes as protocol buffers: its form for large lists, in which passing over a field costs nothing.
//!
//! Built-in kinds have it, custom ones don't; a server that has no such answer gives JSON, so that both are read. The frame is
//! `k8s.io/apimachinery/pkg/runtime/serializer/protobuf`'s (four bytes, then a `runtime.Unknown`), the numbers of fields are
//! those of the `generated.proto` beside each kind, which never change (<https://protobuf.dev/programming-guides/encoding/>).

use std::fmt;

use serde_json::{Value, json};

/// What is asked for: this form, or else JSON.
pub(super) const ACCEPTED: &str = "application/vnd.kubernetes.protobuf,application/json";

/// What an answer in this form begins with.
pub(super) const MAGIC: [u8; 4] = *b"k8s\0";

/// The bytes are no protocol buffers, or not those of the kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A kind that can be read from this form.
pub trait Unpack: Sized {
    /// Reads a message of the kind; what isn't looked at is passed over.
    ///
    /// # Errors
    /// Where the bytes aren't that kind's.
    fn unpack(message: Message<'_>) -> Result<Self, Malformed>;
}

/// A message whose fields are read one after the other.
#[derive(Clone, Copy)]
pub struct Message<'b>(&'b [u8]);

/// The value of a field.
#[derive(Clone, Copy)]
pub enum Field<'b> {
    /// A whole number, or whether something is so.
    Number(u64),
    /// Text, bytes, or a message.
    Bytes(&'b [u8]),
    /// Four or eight bytes, which nothing here looks at.
    Fixed,
}

impl<'b> Message<'b> {
    /// The message that the bytes are.
    pub const fn of(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// The next field, with its number; none at the end.
    ///
    /// # Errors
    /// Where the bytes end within a field, or are none.
    #[inline]
    pub fn next(&mut self) -> Result<Option<(u64, Field<'b>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.number()?;
        let field = match tag & 7 {
            0 => Field::Number(self.number()?),
            1 => {
                self.take(8)?;
                Field::Fixed
            }
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| CUT)?;
                Field::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Field::Fixed
            }
            _ => return Err(UNKNOWN_TYPE),
        };
        Ok(Some((tag >> 3, field)))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'b [u8], Malformed> {
        let (taken, left) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = left;
        Ok(taken)
    }

    #[inline]
    fn number(&mut self) -> Result<u64, Malformed> {
        // Nearly all are below 128.
        if let [byte @ ..0x80, left @ ..] = self.0 {
            self.0 = left;
            return Ok(u64::from(*byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let (byte, left) = self.0.split_first().ok_or(CUT)?;
            self.0 = left;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed("a number of more than ten bytes"))
    }
}

/// The bytes end too early.
pub(super) const CUT: Malformed = Malformed("the bytes end within a field");
const UNKNOWN_TYPE: Malformed = Malformed("a field of a type that proto2 doesn't have");

impl<'b> Field<'b> {
    /// The message that it is.
    ///
    /// # Errors
    /// Where it is a number.
    pub fn message(self) -> Result<Message<'b>, Malformed> {
        self.bytes().map(Message)
    }

    /// The text that it is.
    ///
    /// # Errors
    /// Where it is a number, or no UTF-8.
    pub fn text(self) -> Result<&'b str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("a text that is no UTF-8"))
    }

    /// The text that it is, owned; none where it is empty, which JSON leaves out and this form doesn't.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn words(self) -> Result<Option<String>, Malformed> {
        let text = self.text()?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// The number that it is; of a field with a sign its two's complement.
    ///
    /// # Errors
    /// Where it is something else.
    pub fn number(self) -> Result<u64, Malformed> {
        match self {
            Field::Number(number) => Ok(number),
            _ => Err(Malformed("no number where the kind has one")),
        }
    }

    /// Key and value of an entry of a map.
    ///
    /// # Errors
    /// Where it is no entry.
    pub fn entry(self) -> Result<(&'b str, Field<'b>), Malformed> {
        let (mut key, mut value) = ("", Field::Bytes(&[]));
        let mut entry = self.message()?;
        while let Some((number, field)) = entry.next()? {
            match number {
                1 => key = field.text()?,
                2 => value = field,
                _ => {}
            }
        }
        Ok((key, value))
    }

    fn bytes(self) -> Result<&'b [u8], Malformed> {
        match self {
            Field::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed("a number where the kind has text or a message")),
        }
    }
}

/// The field of the frame (`runtime.Unknown`) that holds the object; before it is its type.
const OBJECT: u64 = 2;

/// The frame has nothing in it.
pub(super) const NO_OBJECT: Malformed = Malformed("an answer without an object");

/// The object in an answer of this form; none where the answer has another.
pub(super) fn object(answer: &[u8]) -> Option<Result<Message<'_>, Malformed>> {
    let mut unknown = Message(answer.strip_prefix(&MAGIC)?);
    Some((|| {
        while let Some((number, field)) = unknown.next()? {
            if number == OBJECT {
                return field.message();
            }
        }
        Err(NO_OBJECT)
    })())
}

/// How long the field is that the bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    /// The field's number.
    pub number: u64,
    /// Its number, type and length.
    pub head: usize,
    /// What follows them.
    pub body: usize,
}

impl Length {
    /// Whether it is the field of the frame that holds the object.
    pub const fn is_object(&self) -> bool {
        self.number == OBJECT
    }
}

/// How long the field is that the bytes begin with; none where they are too few to tell.
pub(super) fn length(bytes: &[u8]) -> Result<Option<Length>, Malformed> {
    let mut message = Message(bytes);
    let mut whole = || {
        let tag = message.number()?;
        let length = match tag & 7 {
            0 => {
                message.number()?;
                0
            }
            1 => 8,
            2 => message.number()?,
            5 => 4,
            _ => return Err(UNKNOWN_TYPE),
        };
        Ok((tag >> 3, length, bytes.len() - message.0.len()))
    };
    match whole() {
        Ok((number, length, head)) => {
            let body = usize::try_from(length).map_err(|_| CUT)?;
            Ok(Some(Length { number, head, body }))
        }
        Err(CUT) => Ok(None),
        Err(wrong) => Err(wrong),
    }
}

/// The token of the next page in a list's metadata.
pub(super) fn token(mut metadata: Message<'_>) -> Result<Option<String>, Malformed> {
    while let Some((number, field)) = metadata.next()? {
        if number == 3 {
            return field.words();
        }
    }
    Ok(None)
}

/// The JSON of an error (`metav1.Status`) in this form; none where `answer` isn't one.
pub(super) fn status_as_json(answer: &[u8]) -> Option<Vec<u8>> {
    let status = status(object(answer)?.ok()?).ok()?;
    serde_json::to_vec(&status).ok()
}

fn status(mut message: Message<'_>) -> Result<Value, Malformed> {
    let mut status = json!({"kind": "Status", "apiVersion": "v1"});
    while let Some((number, field)) = message.next()? {
        match number {
            2 => status["status"] = field.text()?.into(),
            3 => status["message"] = field.text()?.into(),
            4 => status["reason"] = field.text()?.into(),
            5 => status["details"] = details(field.message()?)?,
            6 => status["code"] = field.number()?.into(),
            _ => {}
        }
    }
    Ok(status)
}

fn details(mut message: Message<'_>) -> Result<Value, Malformed> {
    let mut details = json!({});
    let mut causes = Vec::new();
    while let Some((number, field)) = message.next()? {
        match number {
            1 => details["name"] = field.text()?.into(),
            2 => details["group"] = field.text()?.into(),
            3 => details["kind"] = field.text()?.into(),
            4 => causes.push(cause(field.message()?)?),
            5 => details["retryAfterSeconds"] = field.number()?.into(),
            6 => details["uid"] = field.text()?.into(),
            _ => {}
        }
    }
    if !causes.is_empty() {
        details["causes"] = causes.into();
    }
    Ok(details)
}

fn cause(mut message: Message<'_>) -> Result<Value, Malformed> {
    let mut cause = json!({});
    while let Some((number, field)) = message.next()? {
        match number {
            1 => cause["reason"] = field.text()?.into(),
            2 => cause["message"] = field.text()?.into(),
            3 => cause["field"] = field.text()?.into(),
            _ => {}
        }
    }
    Ok(cause)
}

#[cfg(test)]
mod tests;
