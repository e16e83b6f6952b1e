"""Names of everything pluggable, and where it lives; nothing is imported until asked for.

A name in `config.yml` is a registered name or a dotted path to a class of the user's own project.
"""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from shoptalk.errors import ConfigError

_HOMES: dict[str, dict[str, str]] = {
    "component": {
        "WhitespaceTokenizer": "shoptalk.nlu.tokenizers.whitespace:WhitespaceTokenizer",
        "MultilingualTokenizer": "shoptalk.nlu.tokenizers.multilingual:MultilingualTokenizer",
        "SpellingCorrector": "shoptalk.nlu.spelling:SpellingCorrector",
        "JiebaTokenizer": "shoptalk.nlu.tokenizers.jieba:JiebaTokenizer",
        "KeywordIntentClassifier": "shoptalk.nlu.classifiers.keyword:KeywordIntentClassifier",
        "FallbackClassifier": "shoptalk.nlu.classifiers.fallback:FallbackClassifier",
        "RegexEntityExtractor": "shoptalk.nlu.extractors.regex:RegexEntityExtractor",
        "RoleClassifier": "shoptalk.nlu.extractors.roles:RoleClassifier",
        "EntitySynonymMapper": "shoptalk.nlu.extractors.synonyms:EntitySynonymMapper",
        "BertFeaturizer": "shoptalk.nlu.features.bert:BertFeaturizer",
        "HashedNgrams": "shoptalk.nlu.features.ngrams:HashedNgrams",
        "JointClassifier": "shoptalk.nlu.classifiers.joint:JointClassifier",
        "RegexFeaturizer": "shoptalk.nlu.features.regex:RegexFeaturizer",
        "LexicalSyntacticFeaturizer": "shoptalk.nlu.features.lexical:LexicalSyntacticFeaturizer",
        "CountVectorsFeaturizer": "shoptalk.nlu.features.counts:CountVectorsFeaturizer",
        "LanguageModelFeaturizer": "shoptalk.nlu.features.language_model:LanguageModelFeaturizer",
        "SpacyNLP": "shoptalk.nlu.features.spacy:SpacyNLP",
        "SpacyTokenizer": "shoptalk.nlu.features.spacy:SpacyTokenizer",
        "SpacyFeaturizer": "shoptalk.nlu.features.spacy:SpacyFeaturizer",
        "SpacyEntityExtractor": "shoptalk.nlu.features.spacy:SpacyEntityExtractor",
        "DIETClassifier": "shoptalk.nlu.classifiers.diet:DIETClassifier",
        "ResponseSelector": "shoptalk.nlu.response_selector:ResponseSelector",
        "RetrievalSelector": "shoptalk.nlu.response_selector:RetrievalSelector",
        "LanguageIdentifier": "shoptalk.nlu.language:LanguageIdentifier",
        "EntityNormalizer": "shoptalk.nlu.normalizer:EntityNormalizer",
        "IntentSplitter": "shoptalk.nlu.splitter:IntentSplitter",
        "SentimentClassifier": "shoptalk.nlu.classifiers.sentiment:SentimentClassifier",
        "CRFEntityExtractor": "shoptalk.nlu.extractors.crf:CRFEntityExtractor",
        "SklearnIntentClassifier": "shoptalk.nlu.classifiers.svm:SklearnIntentClassifier",
        "LogisticRegressionClassifier": "shoptalk.nlu.classifiers.logistic:LogisticRegressionClassifier",
        "DucklingEntityExtractor": "shoptalk.nlu.extractors.duckling:DucklingEntityExtractor",
        "DucklingHTTPExtractor": "shoptalk.nlu.extractors.duckling:DucklingEntityExtractor",
    },
    "policy": {
        "RulePolicy": "shoptalk.dialogue.policies.rules:RulePolicy",
        "MemoizationPolicy": "shoptalk.dialogue.policies.memoization:MemoizationPolicy",
        "AugmentedMemoizationPolicy": "shoptalk.dialogue.policies.memoization:AugmentedMemoizationPolicy",
        "TEDPolicy": "shoptalk.dialogue.policies.ted:TEDPolicy",
        "UnexpecTEDIntentPolicy": "shoptalk.dialogue.policies.unexpected:UnexpecTEDIntentPolicy",
    },
    "channel": {
        "rest": "shoptalk.channels.rest:RestChannel",
        "web": "shoptalk.channels.web:WebChannel",
        "callback": "shoptalk.channels.callback:CallbackChannel",
        "cmdline": "shoptalk.channels.cmdline:CmdlineChannel",
        "rasa": "shoptalk.channels.rasa:RasaChannel",
        "socketio": "shoptalk.channels.socketio:SocketIOChannel",
        "slack": "shoptalk.channels.slack:SlackChannel",
        "telegram": "shoptalk.channels.telegram:TelegramChannel",
        "facebook": "shoptalk.channels.facebook:FacebookChannel",
        "whatsapp": "shoptalk.channels.whatsapp:WhatsAppChannel",
        "twilio": "shoptalk.channels.twilio:TwilioChannel",
        "twilio_voice": "shoptalk.channels.twilio_voice:TwilioVoiceChannel",
        "mattermost": "shoptalk.channels.mattermost:MattermostChannel",
        "webexteams": "shoptalk.channels.webexteams:WebexTeamsChannel",
        "rocketchat": "shoptalk.channels.rocketchat:RocketChatChannel",
        "hangouts": "shoptalk.channels.hangouts:HangoutsChannel",
        "botframework": "shoptalk.channels.botframework:BotFrameworkChannel",
    },
    "language_model": {},
}


_GONE = {
    "MitieNLP": "MITIE is not supported: its models are no longer maintained. BertFeaturizer reads words better.",
    "MitieTokenizer": "MITIE is not supported. Use WhitespaceTokenizer.",
    "MitieFeaturizer": "MITIE is not supported. Use BertFeaturizer.",
    "MitieIntentClassifier": "MITIE is not supported. Use DIETClassifier or JointClassifier.",
    "MitieEntityExtractor": "MITIE is not supported. Use DIETClassifier or CRFEntityExtractor.",
    "ConveRTFeaturizer": "The ConveRT model was withdrawn by its makers. Use BertFeaturizer.",
    "ConveRTTokenizer": "The ConveRT model was withdrawn by its makers. Use WhitespaceTokenizer.",
    "HFTransformersNLP": "Rasa 3 has it no more: LanguageModelFeaturizer takes `model_name` and `model_weights`.",
    "LanguageModelTokenizer": "Rasa 3 has it no more: any tokenizer does before LanguageModelFeaturizer.",
    **dict.fromkeys(
        ("MappingPolicy", "FallbackPolicy", "TwoStageFallbackPolicy", "FormPolicy"),
        "It is of Rasa 1 and 2: RulePolicy does this by rules; see Rasa's own notes on coming to Rasa 3.",
    ),
    **dict.fromkeys(
        ("SklearnPolicy", "KerasPolicy", "EmbeddingPolicy"), "It is of Rasa 1 and 2: use TEDPolicy."
    ),
    **dict.fromkeys(
        (
            "FlowPolicy",
            "IntentlessPolicy",
            "EnterpriseSearchPolicy",
            "NLUCommandAdapter",
            "LLMCommandGenerator",
            "SingleStepLLMCommandGenerator",
            "MultiStepLLMCommandGenerator",
            "CompactLLMCommandGenerator",
            "SearchReadyLLMCommandGenerator",
        ),
        "It is of Rasa Pro, whose projects of flows do not run here; those of Rasa Open Source do.",
    ),
}
"""Names of Rasa's that nothing here answers to, and what to write instead."""


def names(kind: str) -> list[str]:
    """All registered names of a kind, sorted."""
    return sorted(_HOMES[kind])


def is_registered(kind: str, name: str) -> bool:
    """Whether `name` needs no import of a user's module."""
    return name in _HOMES[kind]


def resolve(kind: str, name: str) -> Any:
    """The class behind a name.

    Args:
        kind: "component", "policy", "channel" or "language_model".
        name: a registered name or `package.module.Class`.

    Raises:
        ConfigError: nothing has this name.
    """
    home = _HOMES[kind].get(name)
    if home is None and "." in name:
        return load_dotted(name, kind)
    if home is None:
        raise ConfigError(f"There is no {kind} called {name!r}.", hint=_hint(kind, name))
    module, _, attribute = home.partition(":")
    return _load(kind, name, module, attribute)


def load_dotted(path: str, kind: str = "class") -> Any:
    """The attribute at `package.module.Name`.

    Raises:
        ConfigError: there is no such module or attribute.
    """
    module, _, attribute = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")) or not module:
        raise ConfigError(f"The {kind} {path!r} is no dotted path.", hint="Write it as package.module.Name.")
    return _load(kind, path, module, attribute)


def _load(kind: str, name: str, module: str, attribute: str) -> Any:
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "rasa":
            raise ConfigError(
                f"The {kind} {name!r} is written for Rasa's own code, which is not here.",
                hint=_instead(kind, attribute),
            ) from error
        raise ConfigError(
            f"The {kind} {name!r} cannot be loaded: module {error.name!r} is missing.",
            hint="Is the path right, and is the package that holds it installed?",
        ) from error
    except AttributeError as error:
        raise ConfigError(f"The {kind} {name!r} cannot be loaded: {module} has no {attribute!r}.") from error


def _instead(kind: str, name: str) -> str:
    """What to do with a class that is written for Rasa's own code."""
    port = "Port the class as docs/migrating-from-rasa.md says; what it does mostly stays as it is."
    known = name in _HOMES.get(kind, {})
    return (f"Write `name: {name}` if our {kind} of that name will do. " if known else "") + port


def _hint(kind: str, name: str) -> str:
    if name in _GONE:
        return _GONE[name]
    close = difflib.get_close_matches(name, _HOMES[kind], n=1, cutoff=0.5)
    known = ", ".join(names(kind))
    return (
        f"Did you mean {close[0]!r}?"
        if close
        else f"Known: {known}. Or give the dotted path of your own class."
    )
