//! Files that are written whole or not at all, and whose place is known to take one before anything is done.

use std::ffi::OsString;
use std::fs::{File, canonicalize, remove_file, rename};
use std::io::{Error, Result, Write};
use std::path::{Path, PathBuf};

/// Whether a file can be written there: its folder takes a new one, and nothing but a file is in its place.
///
/// # Errors
/// Why not.
pub fn check(path: &Path) -> Result<()> {
    let (_, beside) = places(path)?;
    File::create(&beside)?;
    remove_file(&beside)
}

/// Writes a file: beside its place first, then renamed, so that nobody ever sees half of it.
///
/// # Errors
/// Why that failed; what was there before is as it was.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let (place, beside) = places(path)?;
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| rename(&beside, place));
    if written.is_err() {
        // What hinders the one may hinder the other.
        let _ = remove_file(&beside);
    }
    written
}

/// The place itself, behind a symbolic link, and the one beside it.
fn places(path: &Path) -> Result<(PathBuf, PathBuf)> {
    let place = match path.metadata() {
        // A device or a pipe would be replaced by a file.
        Ok(found) if !found.is_file() => {
            let what = if found.is_dir() {
                "it is a directory"
            } else {
                "it isn't a file"
            };
            return Err(Error::other(what));
        }
        Ok(_) => canonicalize(path)?,
        Err(_) => path.to_owned(),
    };
    let Some(name) = place.file_name() else {
        return Err(Error::other("that names no file"));
    };
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    let beside = place.with_file_name(beside);
    Ok((place, beside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir, read_dir, read_to_string};

    #[test]
    fn a_file_is_replaced_whole_behind_a_link_too_and_nothing_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("page.html"), folder.path().join("link.html"));
        check(&file).unwrap();
        assert_eq!(read_dir(folder.path()).unwrap().count(), 0, "a check leaves nothing");
        write(&file, "one").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&file, &link).unwrap();
            check(&link).unwrap();
            write(&link, "two").unwrap();
            assert_eq!(read_to_string(&file).unwrap(), "two");
            assert!(link.is_symlink());
            assert_eq!(read_dir(folder.path()).unwrap().count(), 2);
        }
    }

    #[test]
    fn a_place_that_takes_no_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        create_dir(folder.path().join("there")).unwrap();
        let why = |name: &str| check(&folder.path().join(name)).unwrap_err().to_string();
        assert_eq!(why("there"), "it is a directory");
        assert!(
            why("missing/page.html").contains("No such file"),
            "{}",
            why("missing/page.html")
        );
        assert!(check(Path::new("/dev/null")).is_err(), "a device isn't replaced");
        assert!(check(Path::new("")).is_err());
    }
}
