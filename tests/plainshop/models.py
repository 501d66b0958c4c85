from django.db import models
from django.utils import timezone


class Customer(models.Model):
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=30, blank=True)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    joined_at = models.DateTimeField(default=timezone.now)


class Order(models.Model):
    number = models.CharField(max_length=30, unique=True)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL)
    email = models.EmailField(blank=True)
    status = models.CharField(max_length=30, default="New")
    currency = models.CharField(max_length=3, default="UAH")
    total = models.DecimalField(max_digits=12, decimal_places=2)
    placed_at = models.DateTimeField(default=timezone.now)
    lines = models.JSONField(default=list)


class Cart(models.Model):
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE)
    currency = models.CharField(max_length=3, default="UAH")
    lines = models.JSONField(default=list)
    is_ordered = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)
