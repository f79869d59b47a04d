//! Metrics in lines of a program's output: the dictionaries that the Hugging Face Trainer prints
//! and JSON objects. It refuses to guess: a line that is neither is no report.

use std::collections::BTreeMap;

/// The numbers of a line that is a dictionary, by name; infinite and undefined ones as they are.
/// Numbers that stand in quotes count, as transformers 5 prints them.
pub(super) fn dictionary(line: &str) -> Option<BTreeMap<String, f64>> {
    // A progress bar may have drawn over the line before.
    let line = line.rsplit('\r').next()?.trim();
    let mut reader = Reader { rest: line };
    let mut numbers = BTreeMap::new();
    reader.entries(&mut |name, value| {
        if let Value::Number(number) = value {
            numbers.insert(name, number);
        }
    })?;
    reader.rest.trim().is_empty().then_some(numbers)
}

/// Nested values that are passed over, at most so deep.
const DEEPEST: u32 = 16;

/// What stands under a name.
enum Value {
    Number(f64),
    Other,
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn eat(&mut self, letter: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(letter)?;
        Some(())
    }

    /// A whole dictionary.
    fn entries(&mut self, take: &mut dyn FnMut(String, Value)) -> Option<()> {
        self.eat('{')?;
        if self.eat('}').is_some() {
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.eat(':')?;
            let value = self.value(0)?;
            take(name, value);
            if self.eat('}').is_some() {
                return Some(());
            }
            self.eat(',')?;
        }
    }

    /// A string in either kind of quotes.
    fn text(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let quote = self.rest.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
        let mut text = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => text.push(letters.next()?.1),
                letter if letter == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                letter => text.push(letter),
            }
        }
        None
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '"' | '\'' => Some(number(&self.text()?)),
            '{' | '[' | '(' if depth < DEEPEST => self.skip(depth).map(|()| Value::Other),
            _ => {
                let end = self.rest.find([',', '}', ']', ')']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                let word = word.trim();
                (!word.is_empty()).then(|| number(word))
            }
        }
    }

    /// Passes over a nested list or dictionary.
    fn skip(&mut self, depth: u32) -> Option<()> {
        let open = self.rest.chars().next()?;
        let close = match open {
            '{' => '}',
            '[' => ']',
            _ => ')',
        };
        self.eat(open)?;
        while self.eat(close).is_none() {
            self.value(depth + 1)?;
            let _ = self.eat(':').or_else(|| self.eat(','));
        }
        Some(())
    }
}

/// A number as Python and JSON write it, if it is one.
fn number(word: &str) -> Value {
    let plain = word.trim_start_matches(['+', '-']);
    let starts = plain.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.');
    let special = ["nan", "inf", "infinity"].contains(&plain.to_ascii_lowercase().as_str());
    let parsed = if starts || special { word.parse().ok() } else { None };
    parsed.map_or(Value::Other, Value::Number)
}

#[cfg(test)]
#[path = "../../../tunesmith-core/tests/mutations/mod.rs"]
mod mutations;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Vec<(String, f64)>> {
        Some(dictionary(line)?.into_iter().collect())
    }

    #[test]
    fn what_the_trainer_prints_is_read() {
        let line = "{'eval_loss': 0.69, 'eval_accuracy': 1, 'note': \"it's\", 'epoch': 1.0}";
        let expected = [("epoch", 1.0), ("eval_accuracy", 1.0), ("eval_loss", 0.69)];
        assert_eq!(read(line), Some(expected.map(|(name, value)| (name.to_owned(), value)).into()));
        let quoted = read("  3%|## | 1/30\r{'eval_loss': '6.9e-01', 'epoch': '1'}").expect("read");
        assert_eq!(quoted[1], ("eval_loss".to_owned(), 0.69));
    }

    #[test]
    fn what_is_json_is_read_and_nested_values_are_passed_over() {
        let line = r#"{"a": [1, {"b": 2}], "c": {"d": [3]}, "e": -2.5, "f": null, "g": true}"#;
        assert_eq!(read(line), Some(vec![("e".to_owned(), -2.5)]));
    }

    #[test]
    fn undefined_numbers_are_told() {
        let values = dictionary("{'a': nan, \"b\": Infinity, 'c': -inf}").expect("read");
        assert!(values["a"].is_nan());
        assert_eq!((values["b"], values["c"]), (f64::INFINITY, f64::NEG_INFINITY));
    }

    #[test]
    fn other_lines_are_no_reports() {
        for line in ["", "loss 0.5", "{", "{'a': }", "{'a': 1} done", "{a: 1}", "[1]", "{'a' 1}"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_damaged_line_has_metrics_with_names_or_none() {
        let corpus = [
            "{'eval_loss': 0.69, 'eval_accuracy': 1, 'note': \"it's\", 'epoch': 1.0}",
            "{\"eval_loss\": NaN, \"nested\": {\"a\": [1, 2, {\"b\": null}]}, \"x\": -1e-5}",
            "{'train_runtime': 1.5, 'a': (1, 2), 'b': True, 'c': None, 'd': float('inf')}",
        ];
        let corpus = corpus.map(|line| line.as_bytes().to_vec());
        mutations::survive(&corpus, |input| {
            for line in String::from_utf8_lossy(input).lines() {
                drop(dictionary(line));
            }
        });
    }
}
