from tests.serving.conftest import gazetteer, kiosk

__all__ = ["gazetteer", "kiosk"]
