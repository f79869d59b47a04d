//! A sampler or a scheduler in the study file: a word, or a mapping of its name and its options. Which options there
//! are, and what each takes, is the registry's; check, nearest name and schema follow from it. It refuses an option
//! that the method does not have.

use serde_json::{Map, Value as Json, json};
use tunesmith_core::{Component, Params};
use tunesmith_search::{Objectives, OptionKind, OptionSpec, nearest};

use super::parameters;
use super::problem::{Problem, ProblemKind};
use super::shape::Key;
use super::yaml::{Entry, Kind, Node};

/// What may stand under one key of the file.
pub(crate) struct Components {
    /// What one is, for messages.
    pub what: &'static str,
    /// Where it stands, for messages.
    pub place: &'static str,
    /// The key of the name in a mapping.
    pub key: &'static str,
    /// Whether the name alone will do.
    pub word: bool,
    /// What to write where the name is missing.
    pub help: &'static str,
    /// Those that there are.
    pub all: fn() -> Vec<Choice>,
    /// Other tools' names of them. One whose method this build lacks is unknown.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Keys of other tools that cannot be honoured.
    pub refused: &'static [Key],
}

/// One sampler or scheduler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// How many metrics it goes by.
    pub objectives: Objectives,
}

impl Choice {
    /// A sentence for the schema.
    fn about(&self) -> String {
        match self.objectives {
            Objectives::One => format!("{}; goes by one metric", self.summary),
            Objectives::Any => self.summary.to_owned(),
        }
    }
}

impl Components {
    /// The choice of that name or alias.
    fn find(&self, name: &str) -> Option<Choice> {
        let alias = self.aliases.iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, name)| name);
        (self.all)().into_iter().find(|choice| choice.name == name)
    }

    /// The names and the aliases that work.
    fn words(&self) -> Vec<&'static str> {
        let names = (self.all)().into_iter().map(|choice| choice.name);
        let aliases = self.aliases.iter().map(|(alias, _)| *alias);
        names.chain(aliases.filter(|alias| self.find(alias).is_some())).collect()
    }

    /// Whether a value of this kind can be one at all.
    pub(crate) fn fits(&self, kind: &Kind) -> bool {
        matches!(kind, Kind::Map(_)) || self.word && matches!(kind, Kind::Text(_))
    }

    /// What is asked for, in words.
    pub(crate) fn expected(&self) -> String {
        let mapping = format!("a mapping with `{}`", self.key);
        if self.word {
            format!("one of {}, or {mapping}", self.words().join(", "))
        } else {
            mapping
        }
    }

    /// Notes what is wrong with a value that fits.
    pub(crate) fn check(&self, node: &Node, problems: &mut Vec<Problem>) {
        let Kind::Map(entries) = &node.kind else {
            return self.check_name(node, problems);
        };
        let Some(name) = node.get(self.key) else {
            let kind = ProblemKind::Missing { key: self.key, place: self.place, help: self.help };
            return problems.push(Problem::new(node.span.clone(), kind));
        };
        self.check_name(name, problems);
        let choice = name.text().and_then(|name| self.find(name));
        for entry in entries.iter().filter(|entry| entry.key != self.key) {
            self.check_option(choice, entry, problems);
        }
    }

    fn check_name(&self, node: &Node, problems: &mut Vec<Problem>) {
        let Some(found) = node.text() else {
            let (key, expected) =
                (self.key.to_owned(), format!("one of {}", self.words().join(", ")));
            let kind = ProblemKind::WrongKind { key, expected, found: node.kind_name() };
            return problems.push(Problem::new(node.span.clone(), kind));
        };
        if self.find(found).is_none() {
            let words = self.words();
            let kind = ProblemKind::UnknownWord {
                what: self.what,
                found: found.to_owned(),
                nearest: nearest(found, words.iter().copied()).map(str::to_owned),
                known: words.into_iter().map(str::to_owned).collect(),
            };
            problems.push(Problem::new(node.span.clone(), kind));
        }
    }

    fn check_option(&self, choice: Option<Choice>, entry: &Entry, problems: &mut Vec<Problem>) {
        if let Some(refusal) = self.refused.iter().find(|key| key.name == entry.key) {
            return problems.extend(refusal.refusal(entry));
        }
        // Under an unknown name no option can be judged.
        let Some(choice) = choice else { return };
        let Some(option) = choice.options.iter().find(|option| option.name == entry.key) else {
            let known = || choice.options.iter().map(|option| option.name);
            let kind = ProblemKind::UnknownOption {
                option: entry.key.clone(),
                of: choice.name,
                nearest: nearest(&entry.key, known()).map(str::to_owned),
                known: known().map(str::to_owned).collect(),
            };
            return problems.push(Problem::new(entry.key_span.clone(), kind));
        };
        let value = parameters::value(&entry.value);
        if !value.as_ref().is_some_and(|value| option.kind.takes(value)) {
            let found = value
                .map_or_else(|| entry.value.kind_name().to_owned(), |value| format!("`{value}`"));
            let (key, range) = (entry.key.clone(), option.kind.to_string());
            let kind = ProblemKind::OutOfRange { key, found, range };
            problems.push(Problem::new(entry.value.span.clone(), kind));
        }
    }

    /// The component that a checked value names, by its own name.
    pub(crate) fn read(&self, node: &Node) -> Option<Component> {
        let name = node.text().or_else(|| node.get(self.key)?.text())?;
        let options = node.entries().iter().filter(|entry| entry.key != self.key);
        let options: Params = options
            .filter_map(|entry| Some((entry.key.as_str(), parameters::value(&entry.value)?)))
            .collect();
        Some(Component { name: self.find(name)?.name.to_owned(), options })
    }

    /// As JSON Schema.
    pub(crate) fn schema(&self) -> Json {
        let mut forms: Vec<Json> = Vec::new();
        if self.word {
            forms.push(json!({ "enum": self.words() }));
        }
        for word in self.words() {
            forms.extend(self.find(word).map(|choice| self.mapping(word, choice)));
        }
        json!({ "anyOf": forms })
    }

    fn mapping(&self, word: &str, choice: Choice) -> Json {
        let mut properties = Map::new();
        properties.insert(self.key.to_owned(), json!({ "const": word }));
        for option in choice.options {
            let mut schema = option_schema(option.kind);
            schema["description"] = option.summary.into();
            properties.insert(option.name.to_owned(), schema);
        }
        json!({
            "type": "object",
            "description": choice.about(),
            "additionalProperties": false,
            "properties": properties,
            "required": [self.key],
        })
    }
}

fn option_schema(kind: OptionKind) -> Json {
    match kind {
        OptionKind::Bool => json!({ "type": "boolean" }),
        OptionKind::Whole { least, most: i64::MAX } => {
            json!({ "type": "integer", "minimum": least })
        }
        OptionKind::Whole { least, most } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        OptionKind::Number { least, most } if most.is_infinite() => {
            json!({ "type": "number", "minimum": least })
        }
        OptionKind::Number { least, most } => {
            json!({ "type": "number", "minimum": least, "maximum": most })
        }
        OptionKind::Word(words) => json!({ "enum": words }),
        OptionKind::Names => json!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
            ],
        }),
    }
}
