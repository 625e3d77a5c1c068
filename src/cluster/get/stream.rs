//! A page in protocol buffers, read while it comes in.
//!
//! Five hundred pods are megabytes. None of them is held: each is read as soon as it is whole, where the network left it, and only
//! what two pieces share is put together. What was read counts once the page is complete.

use tokio::sync::mpsc::UnboundedSender;

use super::Intake;
use super::binary::{self, CUT, MAGIC, Malformed, Message, NO_OBJECT, Unpack, token};

/// One page. Others are read into it after.
pub(super) struct Stream<T> {
    stage: Stage,
    /// The beginning of what isn't whole yet; of an answer in another form all of it.
    held: Vec<u8>,
    items: Vec<T>,
    /// The token of the next page.
    more: Option<String>,
    /// Who is told of it as soon as it is known, and as the token of which page.
    tell: Option<(usize, UnboundedSender<(usize, String)>)>,
    wrong: Option<Malformed>,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Stage {
    /// What tells the form.
    Form,
    /// The fields of the frame before the list.
    Frame,
    /// The fields of the list, so many bytes.
    List(usize),
    /// What follows the list, which nobody looks at.
    Rest,
    /// An answer in another form.
    Other,
}

impl<T> Default for Stream<T> {
    fn default() -> Self {
        Self {
            stage: Stage::Form,
            held: Vec::new(),
            items: Vec::new(),
            more: None,
            tell: None,
            wrong: None,
        }
    }
}

impl<T> Stream<T> {
    /// A page that tells where the next one is as soon as it knows.
    pub(super) fn telling(place: usize, tell: UnboundedSender<(usize, String)>) -> Self {
        Self {
            tell: Some((place, tell)),
            ..Self::default()
        }
    }
}

impl<T: Unpack + Send> Intake for Stream<T> {
    fn begin(&mut self, _: usize) {
        self.stage = Stage::Form;
        self.held.clear();
        self.items.clear();
        self.more = None;
        self.wrong = None;
    }

    fn piece(&mut self, piece: &[u8]) {
        // What is wrong is told at the end: an answer that is cut off is asked for again.
        if self.wrong.is_none() {
            self.wrong = self.read(piece).err();
        }
    }
}

impl<T: Unpack> Stream<T> {
    /// The answer, where it came in another form.
    pub(super) fn other(&self) -> Option<&[u8]> {
        matches!(self.stage, Stage::Form | Stage::Other).then_some(&self.held)
    }

    /// Hands over the items of a page that came in whole and tells the token of the next.
    pub(super) fn hand_over(&mut self, each: impl FnMut(T)) -> Result<Option<String>, Malformed> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        match self.stage {
            Stage::Frame if self.held.is_empty() => Err(NO_OBJECT),
            Stage::Frame | Stage::List(_) => Err(CUT),
            Stage::Form | Stage::Rest | Stage::Other => {
                self.items.drain(..).for_each(each);
                Ok(self.more.take())
            }
        }
    }

    /// Reads what is whole with this piece and holds what isn't.
    fn read(&mut self, mut piece: &[u8]) -> Result<(), Malformed> {
        loop {
            match self.stage {
                Stage::Form => {
                    piece = self.hold(MAGIC.len(), piece);
                    if self.held.len() < MAGIC.len() {
                        return Ok(());
                    }
                    if self.held == MAGIC {
                        self.held.clear();
                        self.stage = Stage::Frame;
                    } else {
                        self.stage = Stage::Other;
                    }
                }
                Stage::Frame | Stage::List(_) if self.held.is_empty() => {
                    let Some((part, rest)) = piece.split_at_checked(self.wanted(piece)?) else {
                        self.held.extend_from_slice(piece);
                        return Ok(());
                    };
                    self.part(part)?;
                    piece = rest;
                }
                Stage::Frame | Stage::List(_) => {
                    let wanted = self.wanted(&self.held)?;
                    if self.held.len() == wanted {
                        let held = std::mem::take(&mut self.held);
                        self.part(&held)?;
                        self.held = held;
                        self.held.clear();
                    } else if piece.is_empty() {
                        return Ok(());
                    } else {
                        piece = self.hold(wanted, piece);
                    }
                }
                Stage::Rest => return Ok(()),
                Stage::Other => {
                    self.held.extend_from_slice(piece);
                    return Ok(());
                }
            }
        }
    }

    /// Holds bytes of the piece until there are so many in all, and gives the rest of it.
    fn hold<'p>(&mut self, wanted: usize, piece: &'p [u8]) -> &'p [u8] {
        let missing = wanted.saturating_sub(self.held.len());
        let (more, rest) = piece.split_at(missing.min(piece.len()));
        self.held.extend_from_slice(more);
        rest
    }

    /// How many bytes the part has that begins here, as far as these tell: one more than there are, where they don't.
    fn wanted(&self, bytes: &[u8]) -> Result<usize, Malformed> {
        let Some(length) = binary::length(bytes)? else {
            return Ok(bytes.len() + 1);
        };
        let whole = length.head.checked_add(length.body).ok_or(CUT)?;
        match self.stage {
            Stage::Frame if length.is_object() => Ok(length.head),
            Stage::List(left) if whole > left => Err(CUT),
            _ => Ok(whole),
        }
    }

    /// Reads a part that is whole: a field, or the head of the one that holds the list.
    fn part(&mut self, part: &[u8]) -> Result<(), Malformed> {
        match self.stage {
            Stage::Frame => {
                if let Some(length) = binary::length(part)?
                    && length.is_object()
                {
                    self.stage = within(length.body);
                }
            }
            Stage::List(left) => {
                if let Some((number, field)) = Message::of(part).next()? {
                    match number {
                        1 => {
                            self.more = token(field.message()?)?;
                            if let (Some((place, tell)), Some(token)) = (&self.tell, &self.more) {
                                // Nobody listens any more where the list is given up.
                                let _ = tell.send((*place, token.clone()));
                            }
                        }
                        2 => self.items.push(T::unpack(field.message()?)?),
                        _ => {}
                    }
                }
                self.stage = within(left - part.len());
            }
            Stage::Form | Stage::Rest | Stage::Other => {}
        }
        Ok(())
    }
}

fn within(left: usize) -> Stage {
    if left == 0 { Stage::Rest } else { Stage::List(left) }
}
