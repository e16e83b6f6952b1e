"""Actions of your own, written with rasa-sdk.

To use one: list its name under `actions:` in domain.yml, name it in a story or rule, and say in endpoints.yml
where actions run.

    from rasa_sdk import Action


    class ActionCountTeas(Action):
        def name(self):
            return "action_count_teas"

        def run(self, dispatcher, tracker, domain):
            dispatcher.utter_message(text="There are seven kinds of tea.")
            return []
"""
