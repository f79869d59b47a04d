//! What a program finds when it starts: its words, and the variables of its environment. Those of
//! W&B's agent have W&B's names. It refuses to start it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value as Json, json};
use tunesmith_train::protocol::Params;

use super::command::{Occasion, expand, nested, wants_json_file};
use super::python;
use super::resources::Place;
use super::spec::Capture;
use super::{Settings, modules};

/// A trial before its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) settings: &'a Settings,
    pub(super) trial: u64,
    pub(super) params: &'a Params,
    pub(super) seed: u64,
    /// Where it runs, if that is told apart.
    pub(super) place: Option<&'a Place>,
}

impl Surroundings<'_> {
    /// The words of its process; writes the file of `${args_json_file}` where it is asked for.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub(super) fn words(self, folder: &Path) -> Result<Vec<String>, String> {
        let spec = &self.settings.spec;
        let json_file = folder.join("config.json");
        if wants_json_file(spec) {
            let nested = Json::Object(nested(&spec.groups, self.params));
            write(&json_file, &python::dumps(&nested))?;
        }
        let own = &spec.environment;
        let variable = |name: &str| own.get(name).cloned().or_else(|| std::env::var(name).ok());
        let occasion = Occasion {
            params: self.params,
            json_file: &json_file,
            variable: &variable,
            lenient: spec.lenient,
        };
        expand(spec, occasion).map_err(|error| error.to_string())
    }

    /// What its environment has besides the agent's; writes the file of its parameters.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(super) fn environment(
        self,
        folder: &Path,
        checkpoints: &Path,
    ) -> Result<BTreeMap<String, String>, String> {
        let Settings { spec, study, modules, .. } = self.settings;
        let params = nested(&spec.groups, self.params);
        let file = folder.join("params.yaml");
        write(&file, &yaml(&params))?;
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        let mut variables: BTreeMap<String, String> = [
            ("PYTHONUNBUFFERED", "1".to_owned()),
            ("PYTHONPATH", self.python_path(modules)),
            ("TUNESMITH_PARAMS", Json::Object(params).to_string()),
            ("TUNESMITH_CHECKPOINT_DIR", shown(checkpoints)),
            ("TUNESMITH_STUDY", study.clone()),
            ("TUNESMITH_TRIAL", self.trial.to_string()),
            ("TUNESMITH_SEED", self.seed.to_string()),
            ("WANDB_SWEEP_ID", study.clone()),
            ("WANDB_RUN_ID", format!("{study}-{}", self.trial)),
            ("WANDB_SWEEP_PARAM_PATH", shown(&file)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if let Some(place) = self.place {
            let devices = place.devices.clone().map(|list| ("CUDA_VISIBLE_DEVICES", list));
            let threads = place.threads.map(|count| ("OMP_NUM_THREADS", count.to_string()));
            let own = [devices, threads].into_iter().flatten();
            variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
        }
        variables.extend(spec.environment.clone());
        Ok(variables)
    }

    /// Where Python looks for modules: ours first, then as before.
    fn python_path(self, root: &Path) -> String {
        let spec = &self.settings.spec;
        let mut places = vec![root.join(modules::PLAIN)];
        if spec.capture == Capture::Wandb {
            places.insert(0, root.join(modules::WANDB));
        }
        let before = spec.environment.get("PYTHONPATH").cloned();
        let before = before.or_else(|| std::env::var("PYTHONPATH").ok()).unwrap_or_default();
        let before = std::env::split_paths(&before).filter(|path| !path.as_os_str().is_empty());
        let joined = std::env::join_paths(places.into_iter().chain(before));
        joined.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// `name: {value: v}` a line, as W&B's agent writes it; a JSON value is one of YAML too.
fn yaml(params: &Map<String, Json>) -> String {
    let line = |(name, value): (&String, &Json)| {
        format!("{}: {}\n", json!(name), json!({ "value": value }))
    };
    params.iter().map(line).collect()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
