//! `shardctl config show`: each value with where it comes from.

use super::Context;
use super::output::print;
use crate::config::{Form, KEYS};
use crate::error::Result;
use crate::exit_code::ExitCode;
use crate::report::page::Page;
use crate::report::style::Tone;

/// Prints every key as a line of shardctl.toml; what nobody said is commented out, with what holds then.
///
/// # Errors
/// Where standard output can't be written.
pub fn show(context: &Context) -> Result<ExitCode> {
    let mut page = Page::new(context.stdout());
    let file = match &context.settings.file {
        Some(path) => format!("# read from {}", path.display()),
        None => "# no shardctl.toml upwards from here, nor in the user's configuration folder".to_owned(),
    };
    page.line(Tone::Faint, 0, 2, &file);
    for key in KEYS {
        match context.settings.said(key.name) {
            Some(said) => {
                let value = match key.form {
                    Form::List => {
                        let words: Vec<String> = said.words.iter().map(|word| quoted(word)).collect();
                        format!("[{}]", words.join(", "))
                    }
                    Form::Count => said.words.concat(),
                    Form::Text | Form::Duration | Form::Quantity | Form::OneOf(_) => quoted(&said.words.concat()),
                };
                let line = format!("{} = {value}", key.name);
                page.lead(
                    &[(Tone::Heading, line.as_str())],
                    Tone::Faint,
                    0,
                    4,
                    &format!("  # {}", said.origin),
                );
            }
            None => page.line(Tone::Faint, 0, 4, &format!("# {}: {}", key.name, key.otherwise)),
        }
    }
    print(&page.into_text())?;
    Ok(ExitCode::Done)
}

fn quoted(word: &str) -> String {
    toml::Value::String(word.to_owned()).to_string()
}
