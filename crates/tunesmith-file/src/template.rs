//! A file that several studies come from: what they have in common, and under `compare` what each has in place of it. It
//! refuses what a comparison alone has where a study is wanted, and the other way round.

use std::path::{Path, PathBuf};

use super::dialect::COMPARISON;
use super::problem::StudyFileError;
use super::yaml::{Entry, Kind, Node};
use super::{LoadError, StudyFile, read_text, tree};

/// The keys whose mappings are merged; any other key is replaced.
const MERGED: [&str; 3] = ["train", "budget", "metric"];

/// Such a file, or one of the studies in it.
#[derive(Debug, Clone)]
pub struct Template {
    path: PathBuf,
    text: String,
    root: Node,
    name: String,
}

impl Template {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LoadError`] where it is no YAML, or its `compare` is no mapping of mappings. What else is wrong shows when a
    /// study is made of it.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Ok(Self::parse(path, read_text(path)?)?)
    }

    /// The template of a text. `path` is for messages and for the name where the text has none.
    ///
    /// # Errors
    /// [`StudyFileError`] where it is no YAML.
    pub fn parse(path: &Path, text: String) -> Result<Self, StudyFileError> {
        let root = tree(path, &text)?;
        let mut problems = Vec::new();
        COMPARISON.check(&only(&root, &["compare", "seeds"]), &mut problems);
        if !problems.is_empty() {
            return Err(StudyFileError::new(path, &text, problems));
        }
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = root.get("name").and_then(Node::text).map(str::to_owned);
        let name = name.or(stem).unwrap_or_default();
        Ok(Self { path: path.to_owned(), text, root, name })
    }

    /// What the study, or the comparison, is called.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// How often the file wants each study repeated.
    pub fn seeds(&self) -> Option<u32> {
        match self.root.get("seeds")?.kind {
            Kind::Int(seeds) => u32::try_from(seeds).ok(),
            _ => None,
        }
    }

    /// What the file compares, by name; empty where it is a study.
    pub fn parts(&self) -> Vec<(String, Self)> {
        let parts = self.root.get("compare").map(Node::entries).unwrap_or_default();
        parts.iter().map(|part| (part.key.clone(), self.part(part))).collect()
    }

    fn part(&self, part: &Entry) -> Self {
        let mut root = without(&self.root, &["compare", "seeds", "name"]);
        for entry in part.value.entries() {
            set(&mut root, entry);
        }
        Self { root, name: format!("{}-{}", self.name, part.key), ..self.clone() }
    }

    /// The study that it describes, with its seed moved on by `seed`; beyond the first with a name that says so.
    ///
    /// # Errors
    /// [`LoadError`] with everything that is wrong.
    pub fn study(&self, seed: u32) -> Result<StudyFile, LoadError> {
        let mut root = self.root.clone();
        let span = root.get("name").map_or(root.span.clone(), |name| name.span.clone());
        let name = match seed {
            0 => self.name.clone(),
            seed => format!("{}-{seed}", self.name),
        };
        let node = |kind| Node { span: span.clone(), kind };
        let entry = |key: &str, value| Entry { key: key.to_owned(), key_span: span.clone(), value };
        set(&mut root, &entry("name", node(Kind::Text(name))));
        let own = match root.get("seed").map(|seed| &seed.kind) {
            Some(Kind::Int(own)) => *own,
            Some(_) => return Ok(StudyFile::of(&self.path, self.text.clone(), &root, false)?),
            None => 0,
        };
        set(&mut root, &entry("seed", node(Kind::Int(own.saturating_add(seed.into())))));
        Ok(StudyFile::of(&self.path, self.text.clone(), &root, false)?)
    }
}

/// A mapping without some keys.
fn without(root: &Node, keys: &[&str]) -> Node {
    filtered(root, |key| !keys.contains(&key))
}

/// A mapping with some of its keys.
fn only(root: &Node, keys: &[&str]) -> Node {
    filtered(root, |key| keys.contains(&key))
}

fn filtered(root: &Node, keep: impl Fn(&str) -> bool) -> Node {
    match &root.kind {
        Kind::Map(entries) => {
            let kept = entries.iter().filter(|entry| keep(&entry.key)).cloned().collect();
            Node { span: root.span.clone(), kind: Kind::Map(kept) }
        }
        _ => root.clone(),
    }
}

/// Replaces a key, or merges its mapping where it is one of those that are merged.
pub(super) fn set(root: &mut Node, entry: &Entry) {
    let Kind::Map(entries) = &mut root.kind else { return };
    match entries.iter_mut().find(|known| known.key == entry.key) {
        Some(known)
            if MERGED.contains(&entry.key.as_str())
                && is_map(&known.value)
                && is_map(&entry.value) =>
        {
            entry.value.entries().iter().for_each(|inner| set(&mut known.value, inner));
        }
        Some(known) => *known = entry.clone(),
        None => entries.push(entry.clone()),
    }
}

fn is_map(node: &Node) -> bool {
    matches!(node.kind, Kind::Map(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
name: two
metric: {name: eval_accuracy, goal: maximize}
parameters: {learning_rate: {values: [1e-5, 2e-5]}}
budget: {trials: 2}
train: {model: here, task: glue/rte}
seed: 7
seeds: 3
compare:
  grid: {method: grid}
  random:
    method: random
    train: {model: there}
    parameters: {weight_decay: {values: [0.0, 0.1]}}
";

    fn template(text: &str) -> Template {
        Template::parse(Path::new("two.yaml"), text.to_owned()).expect("a comparison")
    }

    #[test]
    fn parts_have_what_is_common_and_what_is_their_own() {
        let file = template(FILE);
        assert_eq!((file.name(), file.seeds()), ("two".to_owned(), Some(3)));
        let parts = file.parts();
        let names: Vec<&str> = parts.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(names, ["grid", "random"]);
        let grid = parts[0].1.study(0).expect("a study").config;
        let random = parts[1].1.study(2).expect("a study");
        assert_eq!(
            (grid.name.as_str(), grid.seed, grid.sampler.name.as_str()),
            ("two-grid", 7, "grid")
        );
        assert_eq!((random.config.name.as_str(), random.config.seed), ("two-random-2", 9));
        assert_eq!(random.config.budget.trials, Some(2));
        let task = random.config.task.as_str();
        assert!(
            task.contains("there") && task.contains("glue/rte"),
            "a mapping of train is merged: {task}"
        );
        let searched: Vec<_> = random.config.space.searched().map(|one| one.name.clone()).collect();
        assert_eq!(searched, ["weight_decay"], "parameters are replaced");
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_stands() {
        let text = FILE.replace("{method: grid}", "{method: gird}");
        let error = template(&text).parts()[0].1.study(0).expect_err("no such method").to_string();
        let line = text.lines().position(|line| line.contains("gird")).expect("it is there") + 1;
        let LoadError::Content(content) =
            template(&text).parts()[0].1.study(0).expect_err("the same")
        else {
            panic!("{error}");
        };
        assert!(
            content.render(false).contains(&format!("two.yaml:{line}:")),
            "{}",
            content.render(false)
        );
    }

    #[test]
    fn a_comparison_of_something_else_is_refused() {
        for (broken, right) in [("grid: {method: grid}", "grid: 3"), ("seeds: 3", "seeds: 0")] {
            let text = FILE.replace(broken, right);
            assert!(Template::parse(Path::new("two.yaml"), text).is_err(), "{right}");
        }
    }
}
