//! The values of arguments.

use std::collections::HashSet;

use super::context::{CommandContext, Context};
use super::describe::marks;
use super::item::{Item, Style};
use super::live::{self, LiveValue, Question, Values};
use crate::language::syntax::{Key, Span, ValuePlace};
use crate::schema::{Builtin, Schema, Type, TypeId};

/// Returns what can be the value of `key` at `span`, and how it is written.
pub(super) fn items<'a>(
    command: &CommandContext<'a>,
    key: &'a Key,
    place: ValuePlace,
    span: Span,
    line: &str,
) -> (Span, Style, Vec<Item>) {
    let typed = span.of(line);
    let before = line[..span.start].chars().next_back();
    let style = match place {
        ValuePlace::Plain => Style::Plain,
        ValuePlace::Quoted(quote) => Style::Quoted(quote),
        ValuePlace::Text | ValuePlace::Json => Style::Bare,
        ValuePlace::File => match before {
            Some(quote @ ('"' | '\'')) => Style::Quoted(quote),
            _ => Style::Plain,
        },
    };
    let context = command.context;
    let ty = context.schema.zip(command.find(&key.parts).ty);
    let items = match place {
        ValuePlace::File => files(context, typed),
        ValuePlace::Json if typed.starts_with(['{', '[']) => Vec::new(),
        ValuePlace::Json => ty.map(|(schema, ty)| json(schema, ty)).unwrap_or_default(),
        _ => {
            let mut items = ty.map(|(schema, ty)| typed_values(schema, ty, place, typed)).unwrap_or_default();
            // An enum says all that there is. What a name suggests is then something else.
            if ty.is_none_or(|(schema, ty)| !matches!(schema.get(ty), Type::Enum(_))) {
                items.extend(live_values(command, key, typed));
            }
            items
        }
    };
    (span, style, items)
}

/// Returns the values that the type allows.
fn typed_values(schema: &Schema, ty: TypeId, place: ValuePlace, typed: &str) -> Vec<Item> {
    let mut items: Vec<_> = schema
        .enum_values(ty)
        .unwrap_or_default()
        .iter()
        .map(|value| Item::new(&value.name, marks(&value.features)).then(" "))
        .collect();
    if place == ValuePlace::Plain {
        for choice in schema.choices(ty) {
            match schema.get(choice) {
                Type::Builtin(Builtin::Bool) => items.extend(booleans(typed)),
                Type::Builtin(Builtin::Null) => items.push(Item::new("null", "no value").then(" ")),
                _ => {}
            }
        }
    }
    items
}

/// Returns true and false as the schema writes them; in another spelling only where that is typed.
fn booleans(typed: &str) -> Vec<Item> {
    let spelled: &[&str] = match typed.chars().next() {
        None | Some('t' | 'T' | 'f' | 'F') => &["true", "false"],
        Some('o' | 'O') => &["on", "off"],
        Some('y' | 'Y' | 'n' | 'N') => &["yes", "no"],
        Some(_) => &[],
    };
    spelled.iter().map(|text| Item::new(text, "").then(" ")).collect()
}

/// Returns the JSON that the type allows.
fn json(schema: &Schema, ty: TypeId) -> Vec<Item> {
    let mut items = Vec::new();
    for choice in schema.choices(ty) {
        let texts: Vec<String> = match schema.get(choice) {
            Type::Builtin(Builtin::Bool) => vec!["true".into(), "false".into()],
            Type::Builtin(Builtin::Null) => vec!["null".into()],
            Type::Enum(values) => values.iter().map(|value| format!("\"{}\"", value.name)).collect(),
            _ => continue,
        };
        items.extend(texts.iter().map(|text| Item::new(text, "").then(" ")));
    }
    items
}

/// Returns the values that exist at the peer.
fn live_values(command: &CommandContext<'_>, key: &Key, typed: &str) -> Vec<Item> {
    let name = key.parts.iter().rev().find(|part| part.quoted || part.text.parse::<usize>().is_err());
    let Some(name) = name.map(|part| part.text.as_str()) else { return Vec::new() };
    let context = command.context;
    let values = live::values(command.command, name);
    if values.is_empty() {
        return property_values(command, key, typed);
    }
    let mut items: Vec<Item> = Vec::new();
    for values in values {
        items.extend(match values {
            Values::Of(question) => named(context.live.values(question)),
            Values::Objects(ty) => objects(context, ty),
            Values::Bitmaps(node) => named(context.live.values(&Question::Bitmaps(command.text(&[*node])))),
            Values::Buses => named(context.live.values(&Question::Buses(command.text(&["driver"])))),
            Values::Path => paths(context, typed),
            Values::Property => match command.text(&["path"]) {
                Some(path) => named(context.live.values(&Question::Properties(path))),
                None => Vec::new(),
            },
            Values::Hmp => hmp(context, typed),
            Values::File => peer_files(context, typed),
            Values::New => Vec::new(),
        });
    }
    // A name may be that of a device and that of a node.
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.text.clone()));
    items
}

/// Returns the objects whose type begins with `ty`.
pub(super) fn objects(context: Context<'_>, ty: &str) -> Vec<Item> {
    let mut objects = context.live.values(&Question::Objects);
    objects.retain(|object| object.about.starts_with(ty));
    named(objects)
}

pub(super) fn named(values: Vec<LiveValue>) -> Vec<Item> {
    values.into_iter().map(|value| Item::new(&value.name, value.about).then(" ")).collect()
}

/// Returns the paths of the object model, one step further than the typed one.
pub(super) fn paths(context: Context<'_>, typed: &str) -> Vec<Item> {
    let (parent, last) = match typed.rsplit_once('/') {
        Some((parent, last)) => (parent, last),
        None if typed.is_empty() => ("", ""),
        // A path that does not begin with `/` is looked for in the whole tree.
        None => return Vec::new(),
    };
    let at = |path: &str| if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    let children = context.live.values(&Question::Children(at(parent)));
    let mut below = children.iter().filter(|child| child.name.starts_with(last));
    if let (Some(only), None) = (below.next(), below.next())
        && only.name == last
    {
        // The typed path is whole: its children come next.
        let further = context.live.values(&Question::Children(typed.to_owned()));
        return steps(typed, further);
    }
    steps(parent, children)
}

fn steps(parent: &str, children: Vec<LiveValue>) -> Vec<Item> {
    let step = |child: LiveValue| Item::new(&format!("{parent}/{}", child.name), child.about).called(child.name);
    children.into_iter().map(step).collect()
}

/// Returns the files in the typed directory.
pub(super) fn files(context: Context<'_>, typed: &str) -> Vec<Item> {
    directory(context, typed, Question::Files)
}

/// Returns the addresses that can be meant: VMs, and sockets in the typed directory.
pub(super) fn addresses(context: Context<'_>, typed: &str) -> Vec<Item> {
    let vm = |vm: LiveValue| Item::new(&format!("vm:{}", vm.name), vm.about).then(" ");
    let mut items: Vec<Item> = context.live.values(&Question::Vms).into_iter().map(vm).collect();
    items.extend(directory(context, typed, Question::Sockets));
    items
}

/// Returns the files that the peer finds. It may have another working directory, so a path begins at the root.
fn peer_files(context: Context<'_>, typed: &str) -> Vec<Item> {
    match typed {
        "" if context.live.values(&Question::PeerFiles("/".to_owned())).is_empty() => Vec::new(),
        "" => vec![Item::new("/", "")],
        typed if typed.starts_with('/') => directory(context, typed, Question::PeerFiles),
        _ => Vec::new(),
    }
}

/// Returns what a question about the typed directory finds there.
fn directory(context: Context<'_>, typed: &str, question: fn(String) -> Question) -> Vec<Item> {
    let (directory, last) = typed.split_at(typed.rfind('/').map_or(0, |at| at + 1));
    let found = context.live.values(&question(directory.to_owned()));
    let wanted = found.into_iter().filter(|file| last.starts_with('.') || !file.name.starts_with('.'));
    let items = wanted.map(|file| {
        let then = if file.name.ends_with('/') { "" } else { " " };
        Item::new(&format!("{directory}{}", file.name), "").called(file.name).then(then)
    });
    items.collect()
}

/// Returns the words of a line of the human monitor, as the text of an argument.
fn hmp(context: Context<'_>, typed: &str) -> Vec<Item> {
    let before = &typed[..typed.len() - hmp_word(typed).len()];
    let word = |value: LiveValue| Item::new(&format!("{before}{}", value.name), value.about).called(value.name);
    hmp_values(context, typed).into_iter().map(word).collect()
}

/// Returns the word at the end of a line of the human monitor.
pub(super) fn hmp_word(typed: &str) -> &str {
    typed.rsplit(' ').next().unwrap_or_default()
}

/// Returns what can stand at the end of a line of the human monitor: a command, or the sub-command of one.
pub(super) fn hmp_values(context: Context<'_>, typed: &str) -> Vec<LiveValue> {
    match typed.trim_start().split_once(' ') {
        None => context.live.values(&Question::Hmp(None)),
        Some((first, rest)) if !rest.contains(' ') => context.live.values(&Question::Hmp(Some(first.to_owned()))),
        Some(_) => Vec::new(),
    }
}

/// Returns the values of a property: of a device to be added, or of the object at a path.
fn property_values(command: &CommandContext<'_>, key: &Key, typed: &str) -> Vec<Item> {
    if command.command == "device_add" {
        let values = cpu_values(command, &key.joined());
        if !values.is_empty() {
            return values;
        }
    }
    let (question, name) = match command.command {
        "device_add" => (command.text(&["driver"]).map(Question::PropertiesOfType), Some(key.joined())),
        "qom-set" if key.joined() == "value" => {
            (command.text(&["path"]).map(Question::Properties), command.text(&["property"]))
        }
        _ => (None, None),
    };
    let (Some(question), Some(name)) = (question, name) else { return Vec::new() };
    let Some(property) = command.context.live.values(&question).into_iter().find(|property| property.name == name)
    else {
        return Vec::new();
    };
    match property.about.as_str() {
        "bool" if command.command == "device_add" && typed.is_empty() => booleans("o"),
        "bool" => booleans(typed),
        "OnOffAuto" => ["on", "off", "auto"].map(|text| Item::new(text, "").then(" ")).into(),
        ty if ty.starts_with("link<") => objects(command.context, ty["link<".len()..].trim_end_matches('>')),
        _ => Vec::new(),
    }
}

/// Returns the properties of each free place for the CPU to be added, of those places that fit the properties given.
fn cpu_places(command: &CommandContext<'_>, except: &str) -> Vec<Vec<(String, String)>> {
    let Some(driver) = command.text(&["driver"]).filter(|driver| driver.contains("-cpu")) else { return Vec::new() };
    let found = command.context.live.values(&Question::CpuPlaces(driver));
    let place = |value: &LiveValue| -> Vec<(String, String)> {
        let pairs = value.name.split(' ').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let mut places: Vec<_> = found.iter().map(place).collect();
    places.retain(|place| {
        let fits = |(name, value): &(String, String)| {
            name == except || command.text(&[name]).is_none_or(|text| text == *value)
        };
        place.iter().all(fits)
    });
    places
}

/// Returns the names of the properties that place a CPU.
pub(super) fn cpu_properties(command: &CommandContext<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for (name, _) in cpu_places(command, "").into_iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Returns the values of such a property.
fn cpu_values(command: &CommandContext<'_>, property: &str) -> Vec<Item> {
    let mut values: Vec<i64> = cpu_places(command, property)
        .iter()
        .flatten()
        .filter(|(name, _)| name == property)
        .filter_map(|(_, value)| value.parse().ok())
        .collect();
    values.sort_unstable();
    values.dedup();
    values.iter().map(|value| Item::new(&value.to_string(), "free").then(" ")).collect()
}
