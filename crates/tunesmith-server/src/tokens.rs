//! Who may do what. A token is 32 random bytes that its owner sees once; the file keeps a name, a scope and the token's
//! hash. A random token needs no slow hash: there is nothing to guess. Refuses to compare faster where less matches.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What tokens begin with, so that one is known for what it is where it turns up.
const PREFIX: &str = "tunesmith_";
/// Random bytes of a token.
const RANDOM_BYTES: usize = 32;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// To look.
    Read,
    /// To look and to change.
    Write,
}

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Whose it is.
    pub name: String,
    /// What it is good for.
    pub scope: Scope,
    hash: [u8; 32],
}

/// The tokens of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    kept: Vec<Kept>,
}

/// Why a file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}: {source}; `tunesmith token add NAME` makes it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is none of ours.
    #[error(
        "{}:{line}: no `NAME read|write HASH`; lines are written by `tunesmith token add NAME`",
        path.display()
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// It holds nothing, and nobody could do anything.
    #[error("{} has no token; `tunesmith token add NAME` makes one", path.display())]
    None {
        /// The file.
        path: PathBuf,
    },
}

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The file cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The name is another one's, or no name.
    #[error("`{name}` is {problem}; take another name")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The operating system has no random bytes.
    #[error("no random bytes: {0}")]
    Chance(getrandom::Error),
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why no token was removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The file cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is none.
    #[error("there is no token `{name}`; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Tokens {
    /// The tokens of a file.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let path = path.to_owned();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(LoadError::Read { path, source }),
        };
        let tokens =
            Self::parse(&text).map_err(|line| LoadError::Line { path: path.clone(), line })?;
        if tokens.kept.is_empty() { Err(LoadError::None { path }) } else { Ok(tokens) }
    }

    /// Those that there are, in the order of the file.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Makes a token, adds it to the file, and gives it; nobody can give it again.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add(path: &Path, name: &str, scope: Scope) -> Result<String, AddError> {
        let mut tokens = match Self::load(path) {
            Ok(tokens) => tokens,
            Err(LoadError::None { .. }) => Self::default(),
            Err(LoadError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::default()
            }
            Err(error) => return Err(error.into()),
        };
        let problem = |problem| AddError::Name { name: name.to_owned(), problem };
        if name.is_empty() || name.starts_with('#') || name.contains(char::is_whitespace) {
            return Err(problem("no single word"));
        }
        if tokens.kept.iter().any(|kept| kept.name == name) {
            return Err(problem("taken"));
        }
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(AddError::Chance)?;
        let token = format!("{PREFIX}{}", hex(&random));
        tokens.kept.push(Kept { name: name.to_owned(), scope, hash: hash(&token) });
        tokens.save(path).map_err(|source| AddError::Write { path: path.to_owned(), source })?;
        Ok(token)
    }

    /// Removes a token from the file: a server that is started from then on does not know it.
    ///
    /// # Errors
    /// [`RemoveError`].
    pub fn remove(path: &Path, name: &str) -> Result<(), RemoveError> {
        let mut tokens = Self::load(path)?;
        let before = tokens.kept.len();
        let known = tokens.to_string();
        tokens.kept.retain(|kept| kept.name != name);
        if tokens.kept.len() == before {
            return Err(RemoveError::Unknown { name: name.to_owned(), known });
        }
        tokens.save(path).map_err(|source| RemoveError::Write { path: path.to_owned(), source })
    }

    /// What a token is good for; `None` where it is none. Takes as long for every token.
    pub(crate) fn scope(&self, token: &str) -> Option<Scope> {
        let hash = hash(token);
        let mut scope = None;
        for kept in &self.kept {
            if bool::from(kept.hash.ct_eq(&hash)) {
                scope = Some(kept.scope);
            }
        }
        scope
    }

    /// The tokens of a text, or the first line that is none.
    fn parse(text: &str) -> Result<Self, usize> {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let kept: Result<Vec<Kept>, usize> =
            lines.map(|(index, line)| Kept::parse(line).ok_or(index + 1)).collect();
        Ok(Self { kept: kept? })
    }

    /// Writes the file whole or not at all, for its owner alone.
    fn save(&self, path: &Path) -> io::Result<()> {
        use std::io::Write;
        let mut text = String::from("# tokens of tunesmith: name, scope, SHA-256\n");
        for Kept { name, scope, hash } in &self.kept {
            text += &[name, " ", &scope.to_string(), " ", &hex(hash), "\n"].concat();
        }
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    }
}

impl fmt::Display for Tokens {
    /// Their names.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.kept.iter().map(|kept| kept.name.as_str()).collect();
        out.write_str(&names.join(", "))
    }
}

impl Kept {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (name, scope, hash) = (words.next()?, words.next()?, words.next()?);
        let kept = Self { name: name.to_owned(), scope: scope.parse().ok()?, hash: unhex(hash)? };
        words.next().is_none().then_some(kept)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no scope: give read or write")]
pub struct ScopeError {
    /// The word.
    pub word: String,
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(word: &str) -> Result<Self, ScopeError> {
        match word {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            _ => Err(ScopeError { word: word.to_owned() }),
        }
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(four.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{AddError, LoadError, RemoveError, Scope, Tokens};

    #[test]
    fn a_token_is_good_for_its_scope_until_it_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let reader = Tokens::add(&path, "laptop", Scope::Read).expect("added");
        let writer = Tokens::add(&path, "agents", Scope::Write).expect("added");
        let tokens = Tokens::load(&path).expect("readable");
        assert_eq!(tokens.scope(&reader), Some(Scope::Read));
        assert_eq!(tokens.scope(&writer), Some(Scope::Write));
        assert_eq!(tokens.scope(&writer[..writer.len() - 1]), None);
        assert_eq!(tokens.scope(""), None);
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(!text.contains(&reader) && !text.contains(&reader["tunesmith_".len()..]), "{text}");
        Tokens::remove(&path, "agents").expect("removed");
        assert_eq!(Tokens::load(&path).expect("readable").scope(&writer), None);
    }

    #[test]
    fn what_is_no_token_is_refused_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        assert!(matches!(Tokens::load(&path), Err(LoadError::Read { .. })));
        std::fs::write(&path, "# nothing\n").expect("written");
        assert!(matches!(Tokens::load(&path), Err(LoadError::None { .. })));
        std::fs::write(&path, "# one\na write 12\n").expect("written");
        let error = Tokens::load(&path).expect_err("no hash").to_string();
        assert!(error.contains("tokens:2: no `NAME read|write HASH`"), "{error}");
        std::fs::remove_file(&path).expect("removed");
        Tokens::add(&path, "a", Scope::Read).expect("added");
        assert!(matches!(Tokens::add(&path, "a", Scope::Read), Err(AddError::Name { .. })));
        assert!(matches!(Tokens::add(&path, "a b", Scope::Read), Err(AddError::Name { .. })));
        let error = Tokens::remove(&path, "b").expect_err("none");
        assert!(matches!(error, RemoveError::Unknown { .. }), "{error}");
    }
}
