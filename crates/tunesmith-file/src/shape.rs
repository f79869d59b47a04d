//! What a YAML value may look like, as data: from one table come the check of a file, the nearest
//! known key and the JSON Schema. It refuses everything a table does not name, and it judges form
//! alone: what the values mean to each other is for the decoders.

use tunesmith_search::nearest;

use super::component::Components;
use super::problem::{Problem, ProblemKind};
use super::yaml::{Entry, Kind, Node};

/// The form of a value.
pub(crate) enum Shape {
    /// Text.
    Text,
    /// Text that names a length of time: `90s`, `45m`, `1h30m`, `2d`.
    Duration,
    /// An amount of memory, such as `8GiB`.
    Size,
    /// `true` or `false`.
    Bool,
    /// A whole number of at least `least`.
    Whole {
        /// The smallest legal one.
        least: i64,
    },
    /// A number.
    Number(Bounds),
    /// A number, text, a boolean or nothing.
    Scalar,
    /// Anything at all.
    Anything,
    /// One word of a closed set.
    Word {
        /// What the words are, for messages.
        what: &'static str,
        /// The words.
        words: fn() -> Vec<&'static str>,
    },
    /// A list of at least `least` elements.
    List {
        /// The form of each element.
        of: &'static Shape,
        /// How many there must be.
        least: usize,
    },
    /// A mapping with the keys of a table.
    Map(&'static Table),
    /// A mapping with free keys.
    Each(&'static Shape),
    /// A sampler or a scheduler, with its options.
    Component(&'static Components),
    /// One of several forms, told apart by the kind of YAML value.
    Either(&'static [Shape]),
    /// A key of the dialect that this version cannot honour.
    Refused {
        /// Why, in a clause.
        reason: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
}

/// The legal range of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bounds {
    /// Any finite number.
    Any,
    /// Above zero.
    Positive,
    /// Zero or above.
    NotNegative,
    /// Above zero and below one.
    OpenUnit,
}

impl Bounds {
    fn admits(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::Any => true,
                Self::Positive => value > 0.0,
                Self::NotNegative => value >= 0.0,
                Self::OpenUnit => value > 0.0 && value < 1.0,
            }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Any => "finite",
            Self::Positive => "above 0",
            Self::NotNegative => "at least 0",
            Self::OpenUnit => "between 0 and 1",
        }
    }
}

/// The keys that a mapping may have.
pub(crate) struct Table {
    /// What the mapping is, for messages.
    pub place: &'static str,
    /// Its keys, in the order in which people write them.
    pub keys: &'static [Key],
}

/// One key of a [`Table`].
pub(crate) struct Key {
    /// As it is written.
    pub name: &'static str,
    /// A sentence for the schema.
    pub about: &'static str,
    /// The form of its value.
    pub shape: Shape,
    /// Where it must be there: what to write.
    pub required: Option<&'static str>,
    /// The key that takes its place: one of both must be there, and not both.
    pub instead: Option<&'static str>,
}

impl Key {
    /// A key that may be left out.
    pub(crate) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, about, shape, required: None, instead: None }
    }

    /// The same key, and it must be there; `help` says what to write.
    pub(crate) const fn required(mut self, help: &'static str) -> Self {
        self.required = Some(help);
        self
    }

    /// The same key, and the key `other` may take its place.
    pub(crate) const fn or(mut self, other: &'static str) -> Self {
        self.instead = Some(other);
        self
    }

    /// The objection to an entry under this key, where the key cannot be honoured.
    pub(crate) fn refusal(&self, entry: &Entry) -> Option<Problem> {
        let Shape::Refused { reason, instead } = self.shape else {
            return None;
        };
        let kind = ProblemKind::Refused { key: entry.key.clone(), reason, instead };
        Some(Problem::new(entry.key_span.clone(), kind))
    }
}

impl Shape {
    /// Checks the value under `key`, noting what is wrong with it.
    pub(crate) fn check(&self, key: &str, node: &Node, problems: &mut Vec<Problem>) {
        match self {
            Self::Either(shapes) => match shapes.iter().find(|shape| shape.fits(&node.kind)) {
                Some(shape) => shape.check(key, node, problems),
                None => problems.push(self.wrong_kind(key, node)),
            },
            _ if !self.fits(&node.kind) => problems.push(self.wrong_kind(key, node)),
            Self::Duration => check_duration(key, node, problems),
            Self::Size => check_size(key, node, problems),
            Self::Whole { least } => check_whole(key, node, *least, problems),
            Self::Number(bounds) => check_number(key, node, *bounds, problems),
            Self::Word { what, words } => check_word(what, &words(), node, problems),
            Self::List { of, least } => check_list(key, node, of, *least, problems),
            Self::Map(table) => table.check(node, problems),
            Self::Component(components) => components.check(node, problems),
            Self::Each(shape) => {
                node.entries()
                    .iter()
                    .for_each(|entry| shape.check(&entry.key, &entry.value, problems));
            }
            Self::Text | Self::Bool | Self::Scalar | Self::Anything | Self::Refused { .. } => {}
        }
    }

    /// Whether a value of this kind can have this form at all.
    fn fits(&self, kind: &Kind) -> bool {
        match self {
            Self::Text | Self::Duration | Self::Size | Self::Word { .. } => {
                matches!(kind, Kind::Text(_))
            }
            Self::Bool => matches!(kind, Kind::Bool(_)),
            Self::Whole { .. } => matches!(kind, Kind::Int(_)),
            Self::Number(_) => matches!(kind, Kind::Int(_) | Kind::Float(_)),
            Self::Scalar => !matches!(kind, Kind::List(_) | Kind::Map(_)),
            Self::List { .. } => matches!(kind, Kind::List(_)),
            Self::Map(_) | Self::Each(_) => matches!(kind, Kind::Map(_)),
            Self::Component(components) => components.fits(kind),
            Self::Anything | Self::Refused { .. } => true,
            Self::Either(shapes) => shapes.iter().any(|shape| shape.fits(kind)),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Duration => "a length of time such as `45m`".to_owned(),
            Self::Size => "an amount of memory such as `8GiB`".to_owned(),
            Self::Word { words, .. } => format!("one of {}", words().join(", ")),
            Self::Bool => "true or false".to_owned(),
            Self::Whole { .. } => "a whole number".to_owned(),
            Self::Number(_) => "a number".to_owned(),
            Self::Scalar => "a single value".to_owned(),
            Self::List { .. } => "a list".to_owned(),
            Self::Map(_) | Self::Each(_) => "a mapping".to_owned(),
            Self::Component(components) => components.expected(),
            Self::Anything | Self::Refused { .. } => "a value".to_owned(),
            Self::Either(shapes) => shapes.iter().map(Self::words).collect::<Vec<_>>().join(" or "),
        }
    }

    fn wrong_kind(&self, key: &str, node: &Node) -> Problem {
        let kind = ProblemKind::WrongKind {
            key: key.to_owned(),
            expected: self.words(),
            found: node.kind_name(),
        };
        Problem::new(node.span.clone(), kind)
    }
}

impl Table {
    /// Checks a mapping: its keys, the form of each value, and what is missing.
    pub(crate) fn check(&self, node: &Node, problems: &mut Vec<Problem>) {
        if !matches!(node.kind, Kind::Map(_)) {
            let found = node.kind_name();
            let problem = Problem::new(node.span.clone(), ProblemKind::NoMapping { found });
            return problems.push(problem);
        }
        node.entries().iter().for_each(|entry| self.check_entry(entry, problems));
        self.keys.iter().for_each(|key| self.check_presence(key, node, problems));
    }

    fn check_presence(&self, key: &Key, node: &Node, problems: &mut Vec<Problem>) {
        let other = key.instead.and_then(|name| {
            node.entries().iter().find(|entry| entry.key == name).map(|entry| (name, entry))
        });
        match (node.get(key.name), other, key.required) {
            (Some(_), Some((second, entry)), _) => {
                let kind = ProblemKind::Both { first: key.name, second };
                problems.push(Problem::new(entry.key_span.clone(), kind));
            }
            (None, None, Some(help)) => {
                let kind = ProblemKind::Missing { key: key.name, place: self.place, help };
                problems.push(Problem::new(node.span.clone(), kind));
            }
            _ => {}
        }
    }

    fn check_entry(&self, entry: &Entry, problems: &mut Vec<Problem>) {
        match self.keys.iter().find(|key| key.name == entry.key) {
            Some(key) => match key.refusal(entry) {
                Some(refusal) => problems.push(refusal),
                None => key.shape.check(&entry.key, &entry.value, problems),
            },
            None => problems.push(self.unknown(entry)),
        }
    }

    fn unknown(&self, entry: &Entry) -> Problem {
        let usable = || {
            self.keys
                .iter()
                .filter(|key| !matches!(key.shape, Shape::Refused { .. }))
                .map(|key| key.name)
        };
        let kind = ProblemKind::UnknownKey {
            key: entry.key.clone(),
            place: self.place,
            nearest: nearest(&entry.key, usable()).map(str::to_owned),
            known: usable().map(str::to_owned).collect(),
        };
        Problem::new(entry.key_span.clone(), kind)
    }
}

fn check_duration(key: &str, node: &Node, problems: &mut Vec<Problem>) {
    let Some(text) = node.text() else { return };
    if duration_ms(text).is_none() {
        let kind = ProblemKind::OutOfRange {
            key: key.to_owned(),
            found: format!("`{text}`"),
            range: "a length of time such as `90s`, `45m`, `1h30m` or `2d`".to_owned(),
        };
        problems.push(Problem::new(node.span.clone(), kind));
    }
}

/// A length of time in milliseconds: whole numbers with the units s, m, h and d, one after another.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut digits = String::new();
    for letter in text.trim().chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit: u64 = match letter {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            _ => return None,
        };
        let count: u64 = std::mem::take(&mut digits).parse().ok()?;
        total = total.checked_add(count.checked_mul(unit)?)?;
    }
    (digits.is_empty() && total > 0).then_some(total)
}

fn check_size(key: &str, node: &Node, problems: &mut Vec<Problem>) {
    let Some(text) = node.text() else { return };
    if size_bytes(text).is_none() {
        let kind = ProblemKind::OutOfRange {
            key: key.to_owned(),
            found: format!("`{text}`"),
            range: "an amount of memory such as `500MB`, `8GB` or `8GiB`".to_owned(),
        };
        problems.push(Problem::new(node.span.clone(), kind));
    }
}

/// An amount of memory in bytes: a whole number and a unit, in thousands (`GB`) or in 1,024s (`GiB`).
pub(crate) fn size_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (count, unit) = text.split_at(digits);
    let unit: u64 = match unit {
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    count.checked_mul(unit)
}

fn check_whole(key: &str, node: &Node, least: i64, problems: &mut Vec<Problem>) {
    if let Kind::Int(value) = node.kind
        && value < least
    {
        let range = format!("at least {least}");
        let kind = ProblemKind::OutOfRange { key: key.to_owned(), found: value.to_string(), range };
        problems.push(Problem::new(node.span.clone(), kind));
    }
}

fn check_number(key: &str, node: &Node, bounds: Bounds, problems: &mut Vec<Problem>) {
    if let Some(value) = node.number()
        && !bounds.admits(value)
    {
        let range = bounds.words().to_owned();
        let kind = ProblemKind::OutOfRange { key: key.to_owned(), found: value.to_string(), range };
        problems.push(Problem::new(node.span.clone(), kind));
    }
}

fn check_word(what: &'static str, words: &[&str], node: &Node, problems: &mut Vec<Problem>) {
    if let Some(found) = node.text()
        && !words.contains(&found)
    {
        let kind = ProblemKind::UnknownWord {
            what,
            found: found.to_owned(),
            nearest: nearest(found, words.iter().copied()).map(str::to_owned),
            known: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        problems.push(Problem::new(node.span.clone(), kind));
    }
}

fn check_list(key: &str, node: &Node, of: &Shape, least: usize, problems: &mut Vec<Problem>) {
    let elements = node.elements();
    for (index, element) in elements.iter().enumerate() {
        of.check(&format!("{key}[{index}]"), element, problems);
    }
    if elements.len() < least {
        let kind = ProblemKind::OutOfRange {
            key: key.to_owned(),
            found: format!("a list of {}", elements.len()),
            range: format!("a list of at least {least}"),
        };
        problems.push(Problem::new(node.span.clone(), kind));
    }
}
