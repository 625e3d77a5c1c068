//! The keys that a route test asks about: made, the same in every run, or read from a file or standard input.

use std::collections::BTreeSet;

/// The most keys of a run: memory is bounded by them.
pub const MOST: usize = 100_000;

/// The longest that a key may be, in bytes; it goes into a path or a header.
pub const LONGEST: usize = 1024;

/// The keys of a run, each once, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<String>,
    /// How many lines repeated a key, and were left out.
    pub repeated: usize,
}

/// So many made keys: the first of them are the same however many there are, so that runs can be compared.
///
/// # Errors
/// None, or more than [`MOST`].
pub fn made(count: usize) -> Result<Keys, String> {
    match count {
        0 => Err("a route test needs one key at least".to_owned()),
        1..=MOST => Ok(Keys {
            keys: (0..count as u64).map(|at| format!("{:016x}", scattered(at))).collect(),
            repeated: 0,
        }),
        _ => Err(too_many()),
    }
}

/// The keys of a file, one a line as it stands; empty lines are left out.
///
/// # Errors
/// Says which line can't be a key, or that there is none.
pub fn read(bytes: &[u8]) -> Result<Keys, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut known = BTreeSet::new();
    let mut found = Keys {
        keys: Vec::new(),
        repeated: 0,
    };
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if line.len() > LONGEST {
            return Err(format!("line {number} is longer than {LONGEST} bytes"));
        }
        let key = std::str::from_utf8(line).map_err(|_| format!("line {number} isn't UTF-8"))?;
        if key.contains(char::is_control) {
            return Err(format!("line {number} holds a control character"));
        }
        if !known.insert(key) {
            found.repeated += 1;
            continue;
        }
        if found.keys.len() == MOST {
            return Err(too_many());
        }
        found.keys.push(key.to_owned());
    }
    match found.keys.is_empty() {
        true => Err("there is no key in it: one a line is read".to_owned()),
        false => Ok(found),
    }
}

fn too_many() -> String {
    format!("more than {MOST} keys")
}

/// A number that looks like chance and is always the same, different for each `at` (SplitMix64's finaliser is a bijection).
fn scattered(at: u64) -> u64 {
    let mut mixed = at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_keys_are_the_same_in_every_run_and_all_different() {
        let few = made(3).unwrap().keys;
        assert_eq!(few, ["e220a8397b1dcdaf", "6e789e6aa1b965f4", "06c45d188009454f"]);
        let many = made(20_000).unwrap().keys;
        assert_eq!(many[..3], few[..]);
        assert_eq!(many.iter().collect::<BTreeSet<_>>().len(), 20_000);
        assert!(made(0).is_err() && made(MOST + 1).is_err());
    }

    #[test]
    fn a_file_has_a_key_a_line_each_counted_once() {
        let read = read("\u{feff}b\r\na\n\n# c\nb\n a\n".as_bytes()).unwrap();
        assert_eq!(read.keys, ["b", "a", "# c", " a"]);
        assert_eq!(read.repeated, 1);
    }

    #[test]
    fn what_cant_be_a_key_is_named_by_its_line() {
        assert!(read(b"a\nb\x1b[2J\n").unwrap_err().starts_with("line 2 "));
        assert!(read(b"a\n\n\xff\n").unwrap_err().starts_with("line 3 "));
        assert!(
            read("x".repeat(LONGEST + 1).as_bytes())
                .unwrap_err()
                .starts_with("line 1 ")
        );
        assert!(read(b"\n\r\n").unwrap_err().contains("no key"));
    }

    #[test]
    fn more_keys_than_memory_is_set_aside_for_are_refused() {
        let text: String = (0..=MOST).map(|at| format!("{at}\n")).collect();
        assert_eq!(read(text.as_bytes()).unwrap_err(), too_many());
    }
}
