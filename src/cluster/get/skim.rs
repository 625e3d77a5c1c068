//! JSON of which little is looked at, read without looking at the rest.
//!
//! Of a pod's eight kilobytes a few hundred bytes tell what it asks for. serde_json reads what is ignored as carefully as what is
//! not; here it is passed over by its quotes and brackets, 64 bytes at a time. What is looked at is read as strictly as by
//! serde_json. Of what is passed over, strings must end and as many brackets close as open, so that nothing cut off passes;
//! whether commas, numbers and letters in there are right decides nothing.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;
use wide::u8x16;

/// Reads what is wanted of a text.
pub(super) fn skim<'t, T: Deserialize<'t>>(text: &'t [u8]) -> Result<T, Error> {
    let mut json = Skim::new(text);
    let read = T::deserialize(&mut json)?;
    json.end()?;
    Ok(read)
}

/// What a [`Text`] is asked for by.
const TEXT: &str = "the text of a value";

/// A value as it is written. Only a [`Skim`] gives it.
pub(super) struct Text<'t>(pub(super) &'t [u8]);

impl<'de: 't, 't> Deserialize<'de> for Text<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = &'de [u8];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the text of a value")
            }

            fn visit_borrowed_bytes<E>(self, text: &'de [u8]) -> Result<&'de [u8], E> {
                Ok(text)
            }
        }
        deserializer.deserialize_newtype_struct(TEXT, Whole).map(Text)
    }
}

/// How deep what is looked at may be nested, as in serde_json: a hostile answer must not use up the stack.
const DEEPEST: u8 = 128;

/// Where in a text the reading is.
pub(super) struct Skim<'t> {
    text: &'t [u8],
    at: usize,
    depth: u8,
}

impl<'t> Skim<'t> {
    /// At the beginning.
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Nothing more may follow.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.wrong("more than one value")),
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::custom(format_args!("{what} at byte {}", self.at))
    }

    fn cut_off(&self) -> Error {
        self.wrong("the end of a value is missing")
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Takes this byte, which must be the next.
    fn take(&mut self, byte: u8) -> Result<(), Error> {
        match self.next() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.wrong(&format!("no {:?}", char::from(byte)))),
            None => Err(self.cut_off()),
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next `length` bytes.
    fn piece(&mut self, length: usize) -> Result<&'t [u8], Error> {
        let piece = self.text.get(self.at..self.at + length).ok_or_else(|| self.cut_off())?;
        self.at += length;
        Ok(piece)
    }

    /// A number, true, false or null.
    fn word(&mut self) -> Result<&'t [u8], Error> {
        let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t');
        let rest = self.rest();
        self.piece(rest.iter().position(ends).unwrap_or(rest.len()))
    }

    /// A string with its quotes.
    fn string(&mut self) -> Result<&'t [u8], Error> {
        let length = after_string(self.rest()).ok_or_else(|| self.cut_off())?;
        self.piece(length)
    }

    /// Passes over a value.
    fn pass(&mut self) -> Result<(), Error> {
        match self.next() {
            Some(b'{' | b'[') => {
                self.at += after_brackets(self.rest()).ok_or_else(|| self.cut_off())?;
                Ok(())
            }
            Some(b'"') => self.string().map(|_| ()),
            _ => serde_json::from_slice::<IgnoredAny>(self.word()?).map(|_| ()),
        }
    }

    /// Goes one level down, and up again after `work`.
    fn below<T>(&mut self, close: u8, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == DEEPEST {
            return Err(self.wrong("too many brackets in one another"));
        }
        self.depth += 1;
        self.at += 1;
        let value = work(self)?;
        self.depth -= 1;
        self.take(close)?;
        Ok(value)
    }

    /// Goes to the next element of a map or a list, or tells that there is none.
    fn element(&mut self, close: u8, is_first: &mut bool) -> Result<bool, Error> {
        if self.next() == Some(close) {
            return Ok(false);
        }
        if !std::mem::take(is_first) {
            self.take(b',')?;
        }
        Ok(true)
    }
}

impl<'t> Deserializer<'t> for &mut Skim<'t> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.next() {
            Some(b'{') => self.below(b'}', |json| visitor.visit_map(Elements { json, is_first: true })),
            Some(b'[') => self.below(b']', |json| visitor.visit_seq(Elements { json, is_first: true })),
            Some(b'"') => {
                let rest = self.rest().get(1..).unwrap_or_default();
                let plain = special(rest);
                match plain {
                    Some(length) if rest.get(length) == Some(&b'"') => {
                        self.at += 1;
                        let plain = self.piece(length)?;
                        self.at += 1;
                        let plain = std::str::from_utf8(plain).map_err(|_| self.wrong("a string that is no UTF-8"))?;
                        visitor.visit_borrowed_str(plain)
                    }
                    _ => visitor.visit_string(serde_json::from_slice(self.string()?)?),
                }
            }
            _ => {
                let word = self.word()?;
                let mut word = serde_json::Deserializer::from_slice(word);
                let value = word.deserialize_any(visitor)?;
                word.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.next() == Some(b'n') {
            self.pass()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name == TEXT {
            self.next();
            let from = self.at;
            self.pass()?;
            return visitor.visit_borrowed_bytes(self.text.get(from..self.at).unwrap_or_default());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Error> {
        self.pass()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        <V: Visitor<'t>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

/// What stands in brackets.
struct Elements<'a, 't> {
    json: &'a mut Skim<'t>,
    is_first: bool,
}

impl<'t> MapAccess<'t> for Elements<'_, 't> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'t>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if !self.json.element(b'}', &mut self.is_first)? {
            return Ok(None);
        }
        if self.json.next() != Some(b'"') {
            return Err(self.json.wrong("no key"));
        }
        seed.deserialize(&mut *self.json).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.json.take(b':')?;
        seed.deserialize(&mut *self.json)
    }
}

impl<'t> SeqAccess<'t> for Elements<'_, 't> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'t>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if !self.json.element(b']', &mut self.is_first)? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.json).map(Some)
    }
}

/// The length of the string that a text begins with.
fn after_string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let rest = text.get(at..)?;
        at += special(rest)?;
        match text.get(at) {
            Some(b'"') => return Some(at + 1),
            // whatever is escaped is no end
            Some(b'\\') => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the first byte is that doesn't stand for itself in a string: a quote, a backslash, a control character.
fn special(text: &[u8]) -> Option<usize> {
    let (parts, rest) = text.as_chunks();
    for (at, part) in parts.iter().enumerate() {
        let part = u8x16::new(*part);
        let control = part.min(u8x16::splat(b' ' - 1)).simd_eq(part);
        let found = control | part.simd_eq(u8x16::splat(b'"')) | part.simd_eq(u8x16::splat(b'\\'));
        let found = found.to_bitmask();
        if found != 0 {
            return Some(at * PART + found.trailing_zeros() as usize);
        }
    }
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
    Some(parts.len() * PART + found)
}

/// How many bytes are compared at once.
const PART: usize = 16;

/// How many bytes are looked at together: one bit of a mask each.
const BLOCK: usize = 64;

/// The length of the map or list that a text begins with.
fn after_brackets(text: &[u8]) -> Option<usize> {
    let mut seen = Seen {
        open: 1,
        in_string: false,
        escaped: false,
    };
    let (blocks, rest) = text.get(1..)?.as_chunks::<BLOCK>();
    for (at, block) in blocks.iter().enumerate() {
        if let Some(end) = seen.block(block) {
            return Some(1 + at * BLOCK + end);
        }
    }
    let end = seen.bytes(rest)?;
    Some(1 + blocks.len() * BLOCK + end)
}

/// What the bytes so far leave behind.
struct Seen {
    /// Brackets that are open.
    open: u32,
    in_string: bool,
    /// Whether the next byte is escaped.
    escaped: bool,
}

impl Seen {
    /// Goes on; tells after how many bytes the last bracket closes, if it does.
    fn block(&mut self, block: &[u8; BLOCK]) -> Option<usize> {
        if self.escaped || mask(block, 0, b'\\') != 0 {
            return self.bytes(block);
        }
        let mut inside = mask(block, 0, b'"');
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        if self.in_string {
            inside = !inside;
        }
        // `[` and `{` differ in one bit, and so do `]` and `}`.
        let opens = sums(mask(block, 0x20, b'{') & !inside);
        let closes = sums(mask(block, 0x20, b'}') & !inside);
        // What is open after each eighth, at least: more than nothing, or the end may be here. A byte each, with 64 added so that none
        // is negative, and 63 so that the highest bit tells.
        let least = u64::from(self.open.min(31) + 64 + 63) * EACH + (opens << 8) - closes;
        if least & (0x80 * EACH) != 0x80 * EACH {
            return self.bytes(block);
        }
        self.in_string = inside >> (BLOCK - 1) == 1;
        self.open = self.open + (opens >> 56) as u32 - (closes >> 56) as u32;
        None
    }

    /// As [`block`](Self::block), byte by byte.
    fn bytes(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.open += 1,
                b'}' | b']' => {
                    self.open -= 1;
                    if self.open == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// A one in each byte.
const EACH: u64 = u64::MAX / 0xff;

/// One bit for each byte, the first lowest: whether it is `wanted` once these bits are set.
fn mask(block: &[u8; BLOCK], set: u8, wanted: u8) -> u64 {
    let (set, wanted) = (u8x16::splat(set), u8x16::splat(wanted));
    let (parts, _) = block.as_chunks();
    parts.iter().rev().fold(0, |bits, part| {
        let equal = (u8x16::new(*part) | set).simd_eq(wanted);
        bits << 16 | u64::from(equal.to_bitmask())
    })
}

/// In each byte how many bits are set in it and in those below it.
fn sums(bits: u64) -> u64 {
    let twos = bits - ((bits >> 1) & (0x55 * EACH));
    let fours = (twos & (0x33 * EACH)) + ((twos >> 2) & (0x33 * EACH));
    ((fours + (fours >> 4)) & (0x0f * EACH)).wrapping_mul(EACH)
}

#[cfg(test)]
mod tests;
