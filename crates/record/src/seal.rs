//! JSON files that know whether they are as they were written.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::{LONGEST_FILE, read};
use crate::{RecordError, Result, write_atomically};

/// What stands between an object's own keys and its seal.
const KEY: &[u8] = b"\n  \"seal\": \"";

/// Writes an object as JSON, whole or not at all, with one more key at its end:
/// `seal`, the BLAKE3 of `context` and of everything before that key.
///
/// # Errors
/// If it is no object, longer than the 1 GiB that is read again, or cannot be written
/// there.
pub fn write_sealed(path: &Path, value: &impl Serialize, context: &str) -> Result<()> {
    write_atomically(path, &sealed(path, value, context)?)
}

/// Reads what [`write_sealed`] wrote; `None` if there is no such file. Links are
/// not followed.
///
/// # Errors
/// [`RecordError::DamagedFile`] if a byte of it was changed, the context is
/// another one, or it is not a `T`.
pub fn read_sealed<T: DeserializeOwned>(path: &Path, context: &str) -> Result<Option<T>> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    let value = unsealed(&bytes, context).map_err(|why| RecordError::DamagedFile {
        path: path.to_path_buf(),
        why,
    })?;
    Ok(Some(value))
}

pub(crate) fn sealed(path: &Path, value: &impl Serialize, context: &str) -> Result<Vec<u8>> {
    sealed_within(LONGEST_FILE, path, value, context)
}

fn sealed_within(
    longest: u64,
    path: &Path,
    value: &impl Serialize,
    context: &str,
) -> Result<Vec<u8>> {
    let unstorable = |why: String| RecordError::Unstorable {
        what: path.display().to_string(),
        why,
    };
    let text = serde_json::to_vec_pretty(value).map_err(|error| unstorable(error.to_string()))?;
    let Some(body) = text.strip_suffix(b"}") else {
        return Err(unstorable("it is no JSON object".to_string()));
    };
    let mut body = body.trim_ascii_end().to_vec();
    if body != b"{" {
        body.push(b',');
    }
    let seal = seal(&body, context);
    body.extend_from_slice(KEY);
    body.extend_from_slice(format!("{seal}\"\n}}\n").as_bytes());
    match body.len() as u64 {
        // Whoever read it would refuse it: better no file than one that is lost.
        length if length > longest => Err(unstorable(format!(
            "it would be {length} bytes long; allowed: at most {longest}"
        ))),
        _ => Ok(body),
    }
}

pub(crate) fn unsealed<T: DeserializeOwned>(
    bytes: &[u8],
    context: &str,
) -> std::result::Result<T, String> {
    let at = bytes.windows(KEY.len()).rposition(|window| window == KEY);
    let Some(at) = at else {
        let cut = "it has no seal: it was cut short, or an earlier version of metarl wrote it";
        return Err(cut.to_string());
    };
    let (body, end) = bytes.split_at(at);
    let expected = format!("{}\"\n}}\n", seal(body, context));
    if end[KEY.len()..] != *expected.as_bytes() {
        let belongs = match context.is_empty() {
            true => "",
            false => ", or is of another configuration than config.toml beside it",
        };
        return Err(format!("its seal does not match: it was changed{belongs}"));
    }
    let mut object = body.strip_suffix(b",").unwrap_or(body).to_vec();
    object.push(b'}');
    serde_json::from_slice(&object).map_err(|error| error.to_string())
}

fn seal(body: &[u8], context: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    // Of one length, so that no byte can move from the one to the other.
    hasher.update(blake3::hash(context.as_bytes()).as_bytes());
    hasher.update(body).finalize()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{sealed_within, unsealed};
    use crate::RecordError;

    #[test]
    fn what_is_too_long_to_be_read_again_is_not_written() {
        let path = Path::new("comparison.json");
        let value = json!({ "earned": [1.5, 2.5] });
        let whole = sealed_within(u64::MAX, path, &value, "").unwrap();
        let length = whole.len() as u64;
        let fits = sealed_within(length, path, &value, "").unwrap();
        assert_eq!(unsealed::<Value>(&fits, "").unwrap(), value);
        let error = sealed_within(length - 1, path, &value, "").unwrap_err();
        assert!(matches!(error, RecordError::Unstorable { .. }), "{error}");
        let said = error.to_string();
        let why = format!("{length} bytes long; allowed: at most {}", length - 1);
        assert!(
            said.contains(&why) && said.contains("comparison.json"),
            "{said}"
        );
    }
}
