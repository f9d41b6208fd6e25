"""Where the views are."""

from __future__ import annotations

from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.routers import SimpleRouter

from .views import PlainViewSet, save_async

router = SimpleRouter()
router.register("plain", PlainViewSet)
urlpatterns = [path("async/", csrf_exempt(save_async)), path("rest/", include(router.urls))]
