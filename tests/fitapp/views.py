"""Views as sites write them: an async one, and one of Django REST framework."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet

from .models import Plain


async def save_async(request: HttpRequest) -> JsonResponse:
    """Save an object with the async ORM, in the event loop of an ASGI server."""
    made = await Plain.objects.acreate(text=request.POST["text"])
    return JsonResponse({"id": made.pk}, status=201)


class PlainSerializer(ModelSerializer[Plain]):
    """The text."""

    class Meta:
        model = Plain
        fields = ("id", "text")


class PlainViewSet(ModelViewSet[Plain]):
    """Create, change and delete over REST, open to anyone."""

    queryset = Plain.objects.order_by("pk")
    serializer_class = PlainSerializer
    authentication_classes = ()
    permission_classes = ()
