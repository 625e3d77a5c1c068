//! Amounts that somebody types: what isn't a Kubernetes quantity is explained, and nothing or less is refused.

use super::quantity::Amount;
use super::room::MIB;
use super::set::MOST_SHARDS;

/// The units that people write for those that Kubernetes has: `GB` for `G` or `Gi`.
const BYTES: [(&str, &str, &str, u32); 4] = [
    ("kb", "k", "Ki", 1),
    ("mb", "M", "Mi", 2),
    ("gb", "G", "Gi", 3),
    ("tb", "T", "Ti", 4),
];

/// An amount of memory, in bytes: `32Gi`.
///
/// # Errors
/// A sentence that says what is wrong with it and what may have been meant.
pub fn memory(text: &str) -> Result<i64, String> {
    let amount = Amount::parse(text).map_err(|error| explain(text).unwrap_or_else(|| error.to_string()))?;
    let bytes = i64::try_from(amount.ceiling()).map_err(|_| format!("`{text}` is more memory than there is"))?;
    if bytes <= 0 {
        return Err(format!("`{text}` of memory: a shard takes more than nothing"));
    }
    if bytes < MIB {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        return Err(match plain {
            true => format!("`{text}` is {bytes} bytes of memory: give the unit as well, as in {text}Gi"),
            false => format!("`{text}` is {bytes} bytes of memory: a shard takes 1Mi at least"),
        });
    }
    Ok(bytes)
}

/// An amount of CPU, in thousandths of a core: `2`, `1500m`.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn cpu(text: &str) -> Result<i64, String> {
    let amount = Amount::parse(text)
        .map_err(|_| format!("`{text}` is not an amount of CPU: write cores (2, 1.5) or thousandths (1500m)"))?;
    let milli = i64::try_from(amount.thousandths()).map_err(|_| format!("`{text}` is more CPU than there is"))?;
    if milli <= 0 {
        return Err(format!("`{text}` of CPU: a shard takes more than nothing"));
    }
    Ok(milli)
}

/// How many of something, from 1 to [`MOST_SHARDS`].
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn count(what: &str, text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err(format!("0 {what}: there has to be one at least")),
        Ok(count) if count <= MOST_SHARDS.unsigned_abs() => Ok(count),
        Ok(count) => Err(format!("{count} {what} are more than {MOST_SHARDS}")),
        Err(_) => Err(format!("`{text}` is not a number of {what}")),
    }
}

/// What `32GB` or `32gi` may have meant.
fn explain(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_lowercase();
    let long =
        |known: &str| unit == known || unit == format!("{}ib", &known[..1]) || unit == format!("{}i", &known[..1]);
    let (_, decimal, binary, power) = BYTES
        .into_iter()
        .find(|(known, ..)| long(known) || unit == known[..1])?;
    Amount::parse(number).ok().filter(|_| !number.is_empty())?;
    let less = 100 - 1000_u64.pow(power) * 100 / 1024_u64.pow(power);
    Some(format!(
        "`{text}` is not a quantity: Kubernetes has {number}{binary} (of 1024) and {number}{decimal} (of 1000, about {less} % less); \
         machines and limits are mostly counted in {binary}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_for_a_quantity_is_explained() {
        let told = memory("32GB").unwrap_err();
        assert!(
            told.contains("32Gi") && told.contains("32G ") && told.contains("7 % less"),
            "{told}"
        );
        for text in ["32 Gi", "32gi", "32GiB", "32g", "512MB"] {
            assert!(memory(text).unwrap_err().contains("Kubernetes has"), "{text}");
        }
        assert_eq!(memory("32Gi"), Ok(32 << 30));
        assert_eq!(memory("32G"), Ok(32_000_000_000));
        assert!(memory("much").unwrap_err().contains("not a quantity"));
    }

    #[test]
    fn nothing_less_than_nothing_and_a_forgotten_unit_are_refused() {
        assert!(memory("0").unwrap_err().contains("more than nothing"));
        assert!(memory("-1Gi").unwrap_err().contains("more than nothing"));
        assert!(memory("32").unwrap_err().contains("32Gi"));
        assert_eq!(cpu("1.5"), Ok(1500));
        assert!(cpu("0").is_err());
        assert!(cpu("-2").is_err());
        assert!(cpu("2 cores").unwrap_err().contains("thousandths"));
        assert_eq!(count("shards", "12"), Ok(12));
        for text in ["0", "-3", "many", "1000000"] {
            assert!(count("shards", text).is_err(), "{text}");
        }
    }
}
